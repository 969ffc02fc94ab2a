#!/bin/sh
# Deploys nomad-drain-hook with the AWS CLI alone. A file of a release, like the two that it deploys: the function's zip file and the
# template lie beside it. In a checkout, "npm run release:check" writes all three to dist/release.
#
#   BUCKET=my-code GROUP_NAMES=builders,runners NOMAD_ADDRESS=https://nomad.internal:4646 sh nomad-drain-hook-0.1.0.deploy.sh
#
# Whatever follows is given to the stack as further parameters: NomadTokenParameter=/nomad/drain-token
set -eu
: "${BUCKET:?is missing: an S3 bucket in the region of the groups}"
: "${GROUP_NAMES:?is missing: the Auto Scaling groups, separated by commas}"
# Where Nomad is asked through the clients of the groups, there is no address.
case " $* " in *" NomadVia=clients "*) NOMAD_ADDRESS=${NOMAD_ADDRESS-} ;; esac
: "${NOMAD_ADDRESS?is missing: where the HTTP API of Nomad answers}"
release=${0%.deploy.sh}
stack=${STACK_NAME:-nomad-drain-hook}

# Named after its content: another function is another key, by which CloudFormation notices that there is something to do.
key="nomad-drain-hook/$(cksum <"$release.zip" | tr ' ' -).zip"

aws s3 cp "$release.zip" "s3://$BUCKET/$key"
aws cloudformation deploy \
  --stack-name "$stack" \
  --template-file "$release.template.yaml" \
  --s3-bucket "$BUCKET" --s3-prefix nomad-drain-hook \
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND \
  --no-fail-on-empty-changeset \
  --parameter-overrides \
  "GroupNames=$GROUP_NAMES" "NomadAddress=$NOMAD_ADDRESS" "CodeBucket=$BUCKET" "CodeKey=$key" "$@"
aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].Outputs' --output table

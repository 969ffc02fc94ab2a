#!/bin/sh
# Deploys nomad-drain-hook with the AWS CLI alone; "npm ci && npm run build:template" puts what is deployed into dist/template.
#
#   BUCKET=my-code GROUP_NAMES=builders,runners NOMAD_ADDRESS=https://nomad.internal:4646 ./deploy.sh
#
# Whatever follows is given to the stack as further parameters: ./deploy.sh NomadTokenParameter=/nomad/drain-token
set -eu
: "${BUCKET:?is missing: an S3 bucket in the region of the groups}"
: "${GROUP_NAMES:?is missing: the Auto Scaling groups, separated by commas}"
: "${NOMAD_ADDRESS:?is missing: where the HTTP API of Nomad answers}"
dist=${DIST:-$(dirname "$0")/../../dist/template}
stack=${STACK_NAME:-nomad-drain-hook}

# Named after its content: another function is another key, by which CloudFormation notices that there is something to do.
key="nomad-drain-hook/$(cksum <"$dist/nomad-drain-hook.zip" | tr ' ' -).zip"

aws s3 cp "$dist/nomad-drain-hook.zip" "s3://$BUCKET/$key"
aws cloudformation deploy \
  --stack-name "$stack" \
  --template-file "$dist/nomad-drain-hook.template.yaml" \
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND \
  --no-fail-on-empty-changeset \
  --parameter-overrides \
  "GroupNames=$GROUP_NAMES" "NomadAddress=$NOMAD_ADDRESS" "CodeBucket=$BUCKET" "CodeKey=$key" "$@"
aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].Outputs' --output table

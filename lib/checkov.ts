import { CfnResource } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Why a rule of checkov does not apply, by the type of the resource and the rule's id. The Terraform module has the same. */
const REASONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'AWS::Lambda::Function': {
    CKV_AWS_115: 'A limit on concurrent runs would delay drains; runs that overlap do no harm.',
    CKV_AWS_116:
      'A failed run goes to a queue as its destination, with the error; Auto Scaling chooses by itself when it gets no answer.',
    CKV_AWS_117: 'Nomad may be reachable without a VPC; where it is not, the function gets subnets.',
    CKV_AWS_173: 'The variables hold no secret, only names of parameters; Lambda encrypts them with its own key.',
  },
  'AWS::Logs::LogGroup': {
    CKV_AWS_158: 'It holds no secret; CloudWatch Logs encrypts it with its own key.',
  },
  'AWS::SQS::Queue': {
    CKV_AWS_27: 'SQS encrypts it with its own key (SqsManagedSseEnabled), which the rule does not read.',
  },
  'AWS::IAM::Policy': {
    CKV_AWS_111: 'AWS knows no narrower resource for these actions; docs/security.md lists each.',
  },
};

/**
 * Records for checkov why some of its rules do not apply: it reads the metadata of a resource in the template.
 * @param scope the construct whose resources these are
 */
export function acknowledgeCheckov(scope: IConstruct): void {
  for (const resource of scope.node.findAll()) {
    const reasons = CfnResource.isCfnResource(resource) && REASONS[resource.cfnResourceType];
    if (!reasons) continue;
    const skip = Object.entries(reasons).map(([id, comment]) => ({ id, comment }));
    resource.addMetadata('checkov', { skip });
  }
}

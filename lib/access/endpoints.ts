import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { NomadDocument } from './nomad-document.ts';

/** Where the endpoints are and who uses them. */
export interface EndpointsProps {
  readonly vpc: ec2.IVpc;
  readonly subnets?: ec2.SubnetSelection;
  readonly handler: lambda.Function;
  /** Decides whether Parameter Store and STS are needed. */
  readonly nomad: NomadDocument;
}

/**
 * Interface endpoints for the AWS APIs that the function calls, so that its subnets need no NAT gateway. None for its log and
 * its queues: the Lambda service writes to those itself.
 */
export class Endpoints extends Construct {
  readonly endpoints: readonly ec2.InterfaceVpcEndpoint[];

  constructor(scope: Construct, id: string, { vpc, subnets, handler, nomad }: EndpointsProps) {
    super(scope, id);
    const usesSsm =
      nomad.via === 'ssm' || [nomad.token, nomad.ca, nomad.clientCertificate, nomad.clientKey].some(Boolean);
    const usesSts = nomad.via !== 'ssm' && nomad.login !== undefined;
    const { AUTOSCALING, EC2, EVENTBRIDGE, SSM, STS } = ec2.InterfaceVpcEndpointAwsService;
    const services: Record<string, ec2.IInterfaceVpcEndpointService> = {
      AutoScaling: AUTOSCALING,
      Ec2: EC2,
      Events: EVENTBRIDGE,
      ...(usesSsm && { Ssm: SSM }),
      ...(usesSts && { Sts: STS }),
    };
    this.endpoints = Object.entries(services).map(([name, service]) => {
      const endpoint = new ec2.InterfaceVpcEndpoint(this, name, {
        vpc,
        service,
        // Open to the function only, not to the whole network.
        open: false,
        ...(subnets && { subnets }),
      });
      admit(handler, endpoint);
      return endpoint;
    });
  }
}

/** Lets the function in, by rules whose logical ids do not hold the construct path, as those of `allowDefaultPortFrom` do. */
function admit(handler: lambda.Function, endpoint: ec2.InterfaceVpcEndpoint): void {
  const [group] = endpoint.connections.securityGroups;
  if (!group) return;
  for (const [index, source] of handler.connections.securityGroups.entries()) {
    new ec2.CfnSecurityGroupIngress(endpoint, `FromFunction${index || ''}`, {
      groupId: group.securityGroupId,
      sourceSecurityGroupId: source.securityGroupId,
      ipProtocol: 'tcp',
      fromPort: 443,
      toPort: 443,
      description: 'The Nomad drain hook',
    });
  }
}

import { Annotations, Aws, CfnMapping, CfnOutput, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { NomadAccess } from '../access/nomad-access.ts';
import { NomadDrainHook } from '../nomad-drain-hook.ts';
import type { NomadDrainHookProps } from '../props.ts';
import type { Network, Settings } from './settings.ts';

const DESCRIPTION = 'Drains the HashiCorp Nomad nodes of instances that Auto Scaling terminates';

/** The way to Nomad that the settings choose. */
function accessOf({ nomad, clients, runCommand }: Settings): NomadAccess {
  if (runCommand) return NomadAccess.runCommand(runCommand);
  return clients ? NomadAccess.clients(clients) : NomadAccess.http(nomad);
}

/** A stack of one {@link NomadDrainHook} for existing groups, for any account and region. */
export class NomadDrainHookStack extends Stack {
  readonly drainHook: NomadDrainHook;

  /** @throws ConfigError naming everything that is wrong with the settings */
  constructor(scope: Construct, id: string, settings: Settings) {
    const { groups, policy, hook, notices, purgeNodes = false, chooseIdleFirst = false, ...others } = settings;
    const { admitWhenReady = false, launchHookName } = settings;
    const { memorySize, alarmTopic, runbookUrl, eventBus, network, stackName, renamed } = others;
    super(scope, id, { description: DESCRIPTION, ...(stackName && { stackName }) });
    for (const { old, now } of renamed) {
      Annotations.of(this).addWarningV2(
        'nomad-drain-hook:settingRenamed',
        `${old} is called ${now} now: write that instead. The old name goes with the next major version.`,
      );
    }
    // Nothing here needs the route tables of the subnets.
    Annotations.of(this).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId');
    this.drainHook = new NomadDrainHook(this, 'DrainHook', {
      groups,
      nomad: accessOf(settings),
      policy,
      hook,
      notices,
      purgeNodes,
      chooseIdleFirst,
      admitWhenReady,
      ...(launchHookName !== undefined && { launchHookName }),
      ...(memorySize !== undefined && { memorySize }),
      monitoring: {
        name: this.stackName,
        ...(alarmTopic && { alarmTopic: sns.Topic.fromTopicArn(this, 'AlarmTopic', alarmTopic) }),
        ...(runbookUrl && { runbookUrl }),
      },
      ...(eventBus && { eventBus: this.#bus(eventBus) }),
      ...(network && this.#inside(network)),
    });
    this.#addOutputs();
  }

  /** What to do next, as outputs: those of the plain template. */
  #addOutputs(): void {
    const { region } = this;
    const { logGroup, dashboard } = this.drainHook;
    const { functionName } = this.drainHook.lambdaFunction;
    const output = (id: string, description: string, value: string) => new CfnOutput(this, id, { description, value });
    output('FunctionName', 'The function: test it with {"command": "status"}', functionName);
    output(
      'StatusCommand',
      'Lists the waiting instances, and why each waits',
      `aws lambda invoke --region ${region} --function-name ${functionName}:query --cli-binary-format raw-in-base64-out ` +
        `--payload '{"command": "status"}' /dev/stdout`,
    );
    if (dashboard) {
      output(
        'DashboardUrl',
        'The dashboard, in the console',
        `https://${this.#console()}/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard.dashboardName}`,
      );
    }
    output('LogGroupName', 'What the function logs', logGroup.logGroupName);
  }

  /** The host of the console: each partition has its own. */
  #console(): string {
    const hosts = {
      aws: 'console.aws.amazon.com',
      'aws-cn': 'console.amazonaws.cn',
      'aws-us-gov': 'console.amazonaws-us-gov.com',
    };
    const mapping = Object.fromEntries(Object.entries(hosts).map(([partition, Host]) => [partition, { Host }]));
    return new CfnMapping(this, 'Console', { mapping }).findInMap(Aws.PARTITION, 'Host');
  }

  #bus(nameOrArn: string): events.IEventBus {
    const { EventBus } = events;
    return nameOrArn.startsWith('arn:')
      ? EventBus.fromEventBusArn(this, 'EventBus', nameOrArn)
      : EventBus.fromEventBusName(this, 'EventBus', nameOrArn);
  }

  /** By id: nothing is looked up in the account. The CDK requires zones; a function does not use them. */
  #inside({
    vpcId,
    subnetIds,
    securityGroupIds,
  }: Network): Pick<NomadDrainHookProps, 'vpc' | 'vpcSubnets' | 'securityGroups'> {
    return {
      vpc: ec2.Vpc.fromVpcAttributes(this, 'Vpc', { vpcId, availabilityZones: ['unknown'] }),
      vpcSubnets: { subnets: subnetIds.map((id) => ec2.Subnet.fromSubnetId(this, id, id)) },
      securityGroups: securityGroupIds.map((id) =>
        ec2.SecurityGroup.fromSecurityGroupId(this, id, id, { mutable: false }),
      ),
    };
  }
}

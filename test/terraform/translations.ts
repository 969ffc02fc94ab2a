// biome-ignore lint/suspicious/noExplicitAny: what a property holds is any JSON; a wrong guess fails the test
type Json = any;

/** A name, which CloudFormation makes up; or what only Terraform is told. */
export const OURS = Symbol('ours');

/** What an argument is as a property: its name, or how it becomes several. Every argument that we use has its entry. */
type Argument = string | typeof OURS | ((value: Json) => Record<string, Json>);

/** What a type of resource is in CloudFormation. */
export interface Translation {
  /** The type in CloudFormation; undefined for what is a part of another resource there. */
  readonly type: string | undefined;
  readonly id: (label: string, key: string) => string;
  readonly arguments: Readonly<Record<string, Argument>>;
  /** What Terraform has as a default, or as the nature of the type. */
  readonly always?: Record<string, Json>;
}

const pascal = (name: string) => name.replaceAll(/(?:^|[-_])(\w)/g, (_, letter: string) => letter.toUpperCase());
const code = {
  filename: OURS,
  s3_bucket: OURS,
  s3_key: OURS,
  s3_object_version: OURS,
  source_code_hash: OURS,
} as const;
const retries = {
  maximum_retry_attempts: 'MaximumRetryAttempts',
  maximum_event_age_in_seconds: 'MaximumEventAgeInSeconds',
};
const tags = (given: Record<string, string>) => {
  const Tags = Object.entries(given).map(([Key, Value]) => ({ Key, Value }));
  return Tags.length > 0 ? { Tags } : {};
};
const document = (name: string) => (text: string) => ({ [name]: JSON.parse(text) });
const nested = (name: string, fields: Record<string, string>) => (blocks: Json[]) => ({
  [name]: Object.fromEntries(Object.entries(blocks[0]).map(([key, value]) => [known(fields, key, name), value])),
});

export const TRANSLATIONS: Record<string, Translation> = {
  aws_lambda_function: {
    type: 'AWS::Lambda::Function',
    id: (label) => (label === 'function' ? 'Function' : `${pascal(label)}Function`),
    arguments: {
      ...code,
      function_name: OURS,
      description: 'Description',
      role: 'Role',
      runtime: 'Runtime',
      handler: 'Handler',
      architectures: 'Architectures',
      memory_size: 'MemorySize',
      timeout: 'Timeout',
      tags,
      environment: nested('Environment', { variables: 'Variables' }),
      logging_config: nested('LoggingConfig', { log_format: 'LogFormat', log_group: 'LogGroup' }),
      vpc_config: nested('VpcConfig', { subnet_ids: 'SubnetIds', security_group_ids: 'SecurityGroupIds' }),
    },
  },
  aws_lambda_function_event_invoke_config: {
    type: 'AWS::Lambda::EventInvokeConfig',
    id: () => 'FunctionEventInvokeConfig',
    arguments: {
      ...retries,
      function_name: 'FunctionName',
      qualifier: 'Qualifier',
      destination_config: ([
        {
          on_failure: [{ destination }],
        },
      ]) => ({
        DestinationConfig: { OnFailure: { Destination: destination } },
      }),
    },
  },
  aws_lambda_alias: {
    type: 'AWS::Lambda::Alias',
    id: pascal,
    arguments: {
      name: 'Name',
      description: 'Description',
      function_name: 'FunctionName',
      function_version: 'FunctionVersion',
    },
  },
  aws_lambda_permission: {
    type: 'AWS::Lambda::Permission',
    id: (label, key) =>
      label === 'rule' ? `${pascal(key)}Permission` : label === 'warm' ? 'WhoGoesWarmPermission' : 'WhoGoesAutoScaling',
    arguments: {
      statement_id: OURS,
      action: 'Action',
      // Lambda takes the name or the ARN.
      function_name: (name: string) => ({ FunctionName: name.replace('}', '.Arn}') }),
      principal: 'Principal',
      source_arn: 'SourceArn',
    },
  },
  aws_iam_role: {
    type: 'AWS::IAM::Role',
    id: (label) => (label === 'function' ? 'Role' : `${pascal(label)}Role`),
    arguments: {
      name_prefix: OURS,
      path: 'Path',
      description: 'Description',
      assume_role_policy: document('AssumeRolePolicyDocument'),
      permissions_boundary: 'PermissionsBoundary',
      tags,
    },
  },
  aws_iam_role_policy: {
    type: 'AWS::IAM::Policy',
    id: (label) => (label === 'function' ? 'RoleDefaultPolicy' : `${pascal(label)}RoleDefaultPolicy`),
    arguments: { name: OURS, role: (role: Json) => ({ Roles: [role] }), policy: document('PolicyDocument') },
  },
  aws_sqs_queue: {
    type: 'AWS::SQS::Queue',
    id: pascal,
    arguments: {
      name: OURS,
      message_retention_seconds: 'MessageRetentionPeriod',
      sqs_managed_sse_enabled: 'SqsManagedSseEnabled',
      tags,
    },
  },
  aws_sqs_queue_policy: {
    type: 'AWS::SQS::QueuePolicy',
    id: (label) => `${pascal(label)}Policy`,
    arguments: { queue_url: (queue: Json) => ({ Queues: [queue] }), policy: document('PolicyDocument') },
  },
  aws_cloudwatch_log_group: {
    type: 'AWS::Logs::LogGroup',
    id: () => 'Log',
    arguments: {
      name: OURS,
      retention_in_days: (days: number) => (days === 0 ? {} : { RetentionInDays: days }),
      tags,
    },
  },
  aws_cloudwatch_event_rule: {
    type: 'AWS::Events::Rule',
    id: (label, key) => (label === 'rule' ? pascal(key) : `WhoGoes${pascal(label)}`),
    arguments: {
      name: OURS,
      description: 'Description',
      event_pattern: document('EventPattern'),
      schedule_expression: 'ScheduleExpression',
      state: 'State',
      tags,
    },
  },
  aws_cloudwatch_event_target: {
    type: undefined,
    id: (label, key) => (label === 'function' ? pascal(key) : `WhoGoes${pascal(label)}`),
    arguments: {
      rule: OURS,
      target_id: OURS,
      arn: 'Arn',
      input: 'Input',
      retry_policy: nested('RetryPolicy', retries),
      dead_letter_config: nested('DeadLetterConfig', { arn: 'Arn' }),
    },
  },
  aws_autoscaling_lifecycle_hook: {
    type: 'AWS::AutoScaling::LifecycleHook',
    id: (label, key) => `${label === 'launch' ? 'LaunchHook' : 'Hook'}${key.replaceAll(/[^A-Za-z0-9]/g, '')}`,
    arguments: {
      name: 'LifecycleHookName',
      autoscaling_group_name: 'AutoScalingGroupName',
      lifecycle_transition: 'LifecycleTransition',
      heartbeat_timeout: 'HeartbeatTimeout',
      default_result: 'DefaultResult',
    },
  },
  aws_cloudwatch_metric_alarm: {
    type: 'AWS::CloudWatch::Alarm',
    id: (_, key) => `${key}Alarm`,
    arguments: {
      alarm_name: 'AlarmName',
      alarm_description: 'AlarmDescription',
      namespace: 'Namespace',
      metric_name: 'MetricName',
      dimensions: (by: Record<string, Json>) => ({
        Dimensions: Object.entries(by).map(([Name, Value]) => ({ Name, Value })),
      }),
      statistic: 'Statistic',
      period: 'Period',
      comparison_operator: 'ComparisonOperator',
      threshold: 'Threshold',
      datapoints_to_alarm: 'DatapointsToAlarm',
      evaluation_periods: 'EvaluationPeriods',
      treat_missing_data: 'TreatMissingData',
      alarm_actions: (topics: Json[]) => (topics.length > 0 ? { AlarmActions: topics } : {}),
      ok_actions: (topics: Json[]) => (topics.length > 0 ? { OKActions: topics } : {}),
      tags,
    },
  },
  aws_cloudwatch_dashboard: {
    type: 'AWS::CloudWatch::Dashboard',
    id: () => 'Dashboard',
    arguments: { dashboard_name: OURS, dashboard_body: document('DashboardBody') },
  },
  aws_ssm_document: {
    type: 'AWS::SSM::Document',
    id: pascal,
    arguments: {
      name: OURS,
      document_format: (format: string) => (format === 'JSON' ? {} : { DocumentFormat: format }),
      document_type: 'DocumentType',
      target_type: 'TargetType',
      content: document('Content'),
      tags,
    },
    // A changed document is a new version of it, in Terraform always.
    always: { UpdateMethod: 'NewVersion' },
  },
  aws_schemas_registry: {
    type: 'AWS::EventSchemas::Registry',
    id: () => 'TestEventsRegistry',
    arguments: { name: 'RegistryName', description: 'Description', tags },
  },
  aws_schemas_schema: {
    type: 'AWS::EventSchemas::Schema',
    id: () => 'TestEventsSchema',
    arguments: {
      registry_name: 'RegistryName',
      name: 'SchemaName',
      type: 'Type',
      description: 'Description',
      content: document('Content'),
      tags,
    },
  },
  aws_security_group: {
    type: 'AWS::EC2::SecurityGroup',
    id: (label, key) => (label === 'endpoint' ? `Endpoints${SERVICES[key]}SecurityGroup` : 'FunctionSecurityGroup'),
    arguments: { name_prefix: OURS, description: OURS, vpc_id: 'VpcId', tags },
  },
  aws_vpc_security_group_egress_rule: {
    type: undefined,
    id: (label, key) => (label === 'endpoint' ? `Endpoints${SERVICES[key]}SecurityGroup` : 'FunctionSecurityGroup'),
    arguments: {
      security_group_id: OURS,
      description: 'Description',
      ip_protocol: 'IpProtocol',
      cidr_ipv4: 'CidrIp',
      // In CloudFormation a rule of a security group has none.
      tags: OURS,
    },
  },
  aws_vpc_security_group_ingress_rule: {
    type: 'AWS::EC2::SecurityGroupIngress',
    id: (_, key) => `Ingress${key}`,
    arguments: {
      security_group_id: 'GroupId',
      description: 'Description',
      ip_protocol: 'IpProtocol',
      from_port: 'FromPort',
      to_port: 'ToPort',
      referenced_security_group_id: 'SourceSecurityGroupId',
      tags: OURS,
    },
  },
  aws_vpc_endpoint: {
    type: 'AWS::EC2::VPCEndpoint',
    id: (_, key) => `Endpoints${SERVICES[key]}`,
    arguments: {
      vpc_id: 'VpcId',
      service_name: 'ServiceName',
      vpc_endpoint_type: 'VpcEndpointType',
      subnet_ids: 'SubnetIds',
      security_group_ids: 'SecurityGroupIds',
      private_dns_enabled: 'PrivateDnsEnabled',
      tags,
    },
  },
};

const SERVICES: Record<string, string> = {
  autoscaling: 'AutoScaling',
  ec2: 'Ec2',
  events: 'Events',
  ssm: 'Ssm',
  sts: 'Sts',
};

/** @throws Error saying what is not known, of what */
export function known<T>(by: Readonly<Record<string, T>>, name: string, of: string): T {
  const found = by[name];
  if (found === undefined) throw new Error(`${of}: ${name} is not known in CloudFormation's terms`);
  return found;
}

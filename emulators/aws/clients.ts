import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { AwsEmulator } from './aws.ts';
import { REGION } from './model.ts';

export interface AwsClients {
  autoScaling: AutoScalingClient;
  ec2: EC2Client;
  ssm: SSMClient;
}

/** The real SDK clients, pointed at the emulator. They make `maxAttempts` attempts, so that a test sees each error. */
export function connect(aws: AwsEmulator, maxAttempts = 1): AwsClients {
  const common = {
    region: REGION,
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts,
  };
  return {
    autoScaling: new AutoScalingClient({ ...common, endpoint: aws.autoScalingUrl }),
    ec2: new EC2Client({ ...common, endpoint: aws.ec2Url }),
    ssm: new SSMClient({ ...common, endpoint: aws.ssmUrl }),
  };
}

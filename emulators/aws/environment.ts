import type { AwsEmulator } from './aws.ts';

/** What leads unmodified SDK clients to an emulated account: variables of a process. */
export const environmentOf = (aws: AwsEmulator): Record<string, string> => ({
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_ENDPOINT_URL_AUTO_SCALING: aws.autoScalingUrl,
  AWS_ENDPOINT_URL_EC2: aws.ec2Url,
  AWS_ENDPOINT_URL_SSM: aws.ssmUrl,
  AWS_ENDPOINT_URL_STS: aws.stsUrl,
  AWS_ENDPOINT_URL_EVENTBRIDGE: aws.eventBridgeUrl,
});

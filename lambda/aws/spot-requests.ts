import { type EC2Client, paginateDescribeSpotInstanceRequests } from '@aws-sdk/client-ec2';

/**
 * The status of a Spot request whose instance EC2 is about to end. Where it terminates the instance, the request has its last status at
 * once, and the instance runs on for two minutes; where it stops it, the request is marked before.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instances-request-status-lifecycle.html
 */
const INTERRUPTED = [
  'instance-terminated-by-price',
  'instance-terminated-no-capacity',
  'marked-for-stop',
  'marked-for-termination',
];

/** Since when EC2 has been interrupting which Spot instances of this account and region, those that have ended among them. Milliseconds. */
export async function interruptionsOf(client: EC2Client): Promise<Map<string, number>> {
  const since = new Map<string, number>();
  const Filters = [{ Name: 'status-code', Values: INTERRUPTED }];
  for await (const page of paginateDescribeSpotInstanceRequests({ client }, { Filters, MaxResults: 1_000 })) {
    for (const { InstanceId, Status } of page.SpotInstanceRequests ?? []) {
      if (InstanceId && Status?.UpdateTime) since.set(InstanceId, Status.UpdateTime.getTime());
    }
  }
  return since;
}

import { world } from './start.ts';

/** The events of EC2 and AWS Health about an instance that goes, or may go, as AWS documents them. */
const event = (source: string, type: string, resources: string[], detail: object) => ({
  version: '0',
  id: '1e5527d7-bb36-4607-3370-4164db56a40e',
  'detail-type': type,
  source,
  account: '123456789012',
  time: new Date(world.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
  region: 'us-east-1',
  resources,
  detail,
});

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html */
export const spotWarning = (instanceId: string, action: 'terminate' | 'stop' | 'hibernate' = 'terminate') =>
  event('aws.ec2', 'EC2 Spot Instance Interruption Warning', [`arn:aws:ec2:us-east-1a:instance/${instanceId}`], {
    'instance-id': instanceId,
    'instance-action': action,
  });

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html */
export const rebalanceRecommendation = (instanceId: string) =>
  event(
    'aws.ec2',
    'EC2 Instance Rebalance Recommendation',
    [`arn:aws:ec2:us-east-1:123456789012:instance/${instanceId}`],
    { 'instance-id': instanceId },
  );

import type { RecordedRequest } from '../../emulators/aws/services.ts';
import type { World } from '../../emulators/world/world.ts';
import { byCode, IN, type Needed } from './iam.ts';

/** How IAM calls a service that is another word in its API. */
const SERVICES: Partial<Record<RecordedRequest['service'], string>> = { 'auto-scaling': 'autoscaling' };

/**
 * The permissions that AWS asks for a call, from its parameters: https://docs.aws.amazon.com/service-authorization/latest/reference/
 * @param world tells of which group an instance is, for the tags that EC2 gives it
 */
export function neededFor({ service, action, params }: RecordedRequest, world: World): Needed[] {
  const name = `${SERVICES[service] ?? service}:${action}`;
  const all = <T>(given: unknown) => [given ?? []].flat() as T[];
  switch (name) {
    case 'autoscaling:CompleteLifecycleAction':
    case 'autoscaling:RecordLifecycleActionHeartbeat':
      return [byCode(name, groupArn(String(params.AutoScalingGroupName)))];
    case 'ssm:GetParameters':
      return all<string>(params.Names).map((each) => byCode(name, parameterArn(each)));
    case 'ssm:SendCommand':
      return [
        byCode(name, `arn:aws:ssm:${IN}:document/${params.DocumentName}`),
        ...all<string>(params.InstanceIds).map((id) =>
          byCode(name, instanceArn(id), {
            'ssm:resourceTag/aws:autoscaling:groupName': world.aws.instance(id).group ?? '',
          }),
        ),
      ];
    case 'events:PutEvents':
      return all<{ EventBusName?: string; Source: string }>(params.Entries).map(
        ({ EventBusName: bus = 'default', Source }) => byCode(name, busArn(bus), { 'events:source': [Source] }),
      );
    case 'sts:GetWebIdentityToken': {
      const audiences = Object.entries(params).flatMap(([key, value]) =>
        key.startsWith('Audience.') ? [String(value)] : [],
      );
      const seconds = String(params.DurationSeconds ?? 300);
      return [byCode(name, '*', { 'sts:IdentityTokenAudience': audiences, 'sts:DurationSeconds': seconds })];
    }
    default:
      // Without a type of resource.
      return [byCode(name)];
  }
}

export const groupArn = (name: string, region = IN) =>
  `arn:aws:autoscaling:${region}:autoScalingGroup:930d940e-891e-4781-a11a-7b0acd480f03:autoScalingGroupName/${name}`;
export const parameterArn = (name: string) => `arn:aws:ssm:${IN}:parameter/${name.replace(/^\//, '')}`;
export const instanceArn = (id: string) => `arn:aws:ec2:${IN}:instance/${id}`;
export const busArn = (name: string) => `arn:aws:events:${IN}:event-bus/${name}`;

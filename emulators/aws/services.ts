import { randomUUID } from 'node:crypto';
import type { EmulatorRequest, EmulatorResponse } from '../server.ts';
import { type QueryActions, QueryError, QueryParams, toXml, type Xml, xmlResponse } from './query-protocol.ts';
import { JsonError, jsonResponse } from './ssm/ssm.ts';

/** A request as it was understood, in the order of arrival; those that a fault answered are not among them. */
export interface RecordedRequest {
  service: 'auto-scaling' | 'ec2' | 'ssm' | 'sts' | 'events' | 'lambda' | 'tagging' | 'monitoring' | 'logs';
  action: string;
  params: Record<string, unknown>;
  at: number;
}

export type Note = (service: RecordedRequest['service'], action: string, params: Record<string, unknown>) => void;

const AUTO_SCALING = 'xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"';
const EC2 = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"';

/** An error as Auto Scaling sends it: for `Loopback.fault`, say `Throttling` "Rate exceeded" or `ResourceContention` 500. */
export function autoScalingError(code: string, message: string, status = 400): EmulatorResponse {
  const error = toXml({ Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message }, 'member');
  return xmlResponse(
    status,
    `<ErrorResponse ${AUTO_SCALING}><Error>${error}</Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
  );
}

/** An error as EC2 sends it, such as `RequestLimitExceeded` 503. */
export function ec2Error(code: string, message: string, status = 400): EmulatorResponse {
  const error = toXml({ Code: code, Message: message }, 'item');
  return xmlResponse(
    status,
    `<Response><Errors><Error>${error}</Error></Errors><RequestID>${randomUUID()}</RequestID></Response>`,
  );
}

/** An error as SSM sends it, such as `ThrottlingException` or `AccessDeniedException`. */
export function ssmError(type: string, message: string, status = 400): EmulatorResponse {
  return jsonResponse(status, { __type: type, ...(message && { message }) });
}

interface QueryService {
  service: 'auto-scaling' | 'ec2' | 'sts';
  error: (code: string, message: string, status?: number) => EmulatorResponse;
  unknown: (action: string) => string;
  envelope: (action: string, result: Xml) => string;
}

/** https://smithy.io/2.0/aws/protocols/aws-query-protocol.html */
const AUTO_SCALING_SERVICE: QueryService = {
  service: 'auto-scaling',
  error: autoScalingError,
  unknown: (action) => `Could not find operation ${action} for version 2011-01-01`,
  envelope: (action, result) => {
    const metadata = `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`;
    const inner = `<${action}Result>${toXml(result, 'member')}</${action}Result>${metadata}`;
    return `<${action}Response ${AUTO_SCALING}>${inner}</${action}Response>`;
  },
};

/** https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html */
const EC2_SERVICE: QueryService = {
  service: 'ec2',
  error: ec2Error,
  unknown: (action) => `The action ${action} is not valid for this web service.`,
  envelope: (action, result) => {
    const inner = `<requestId>${randomUUID()}</requestId>${toXml(result, 'item')}`;
    return `<${action}Response ${EC2}>${inner}</${action}Response>`;
  },
};

const STS_SERVICE: QueryService = {
  ...AUTO_SCALING_SERVICE,
  service: 'sts',
  unknown: (action) => `Could not find operation ${action} for version 2011-06-15`,
};

type Answer = (request: EmulatorRequest) => EmulatorResponse;

export const serveAutoScaling = (actions: QueryActions, note: Note) => serveQuery(AUTO_SCALING_SERVICE, actions, note);
export const serveSts = (actions: QueryActions, note: Note) => serveQuery(STS_SERVICE, actions, note);
export const serveEc2 = (actions: QueryActions, note: Note) => serveQuery(EC2_SERVICE, actions, note);

function serveQuery({ service, error, unknown, envelope }: QueryService, actions: QueryActions, note: Note): Answer {
  return ({ body }) => {
    const params = new QueryParams(body);
    note(service, params.action, params.toObject());
    const act = actions[params.action];
    if (!act) return error('InvalidAction', unknown(params.action));
    try {
      return xmlResponse(200, envelope(params.action, act(params)));
    } catch (thrown) {
      if (thrown instanceof QueryError) return error(thrown.code, thrown.message, thrown.status);
      throw thrown;
    }
  };
}

/** https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html */
export function serveJson(
  service: 'ssm' | 'events' | 'tagging' | 'monitoring' | 'logs',
  actions: Record<string, (input: Record<string, unknown>) => unknown>,
  note: Note,
): (request: EmulatorRequest) => Promise<EmulatorResponse> {
  return async ({ headers, body }) => {
    const action = String(headers['x-amz-target'] ?? '').replace(/^\w+\./, '');
    const input = JSON.parse(body || '{}') as Record<string, unknown>;
    note(service, action, input);
    const act = actions[action];
    if (!act) return ssmError('UnknownOperationException', '');
    try {
      return jsonResponse(200, await act(input));
    } catch (thrown) {
      if (thrown instanceof JsonError) return ssmError(thrown.type, thrown.message, thrown.status);
      throw thrown;
    }
  };
}

import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { messageOf } from '../errors.ts';

/**
 * Reads a parameter of Parameter Store, decrypted. White space around it is dropped: a token pasted with a newline is
 * no header value.
 *
 * @throws Error naming the parameter, never its value
 */
export async function readParameter(ssm: SSMClient, name: string): Promise<string> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
    const value = Parameter?.Value?.trim();
    if (!value) throw new Error('it is empty');
    return value;
  } catch (error) {
    throw new Error(`parameter ${name} cannot be read: ${(error as Error).name}: ${messageOf(error)}`);
  }
}

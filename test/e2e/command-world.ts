import { fileURLToPath } from 'node:url';
import type { CommandDocument } from '../../emulators/aws/ssm/command-document.ts';
import { DOCUMENT, type World, type WorldOptions } from '../../emulators/world/world.ts';
import { commandDocument } from '../../lib/access/run-command.ts';
import { start } from './start.ts';

const BIN = fileURLToPath(new URL('../../emulators/bin', import.meta.url));
const POLICY = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';

/** A group whose instances have the nomad command set up, as docs/security.md says; its first builder has to go. */
export async function startWithCommands(size = 3, more: WorldOptions = {}) {
  const world = await start({ acl: true, ssm: {}, ...more });
  world.aws.commands.documents.set(DOCUMENT, commandDocument() as CommandDocument);
  world.nomad.policy('drainer', POLICY);
  const token = world.nomad.token({ policies: ['drainer'] });
  const builders = Array.from({ length: size }, () => world.addBuilder());
  for (const { instanceId } of builders) {
    world.aws.commands.shells.set(instanceId, {
      PATH: `${BIN}:${process.env.PATH}`,
      NOMAD_ADDR: world.nomad.url,
      NOMAD_TOKEN: token,
    });
  }
  const [leaving, ...others] = builders;
  if (!leaving) throw new Error('no builder');
  return { leaving, others, token };
}

/** The orders to drain that have reached Nomad. */
export const drainsOf = (world: World) => world.nomad.requests.filter(({ path }) => path.endsWith('/drain'));

import { runCommandLine } from './command-line.ts';

// The SDK asks for a newer Node: this one is bundled, and updated with the package.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

// The reader of our output has read enough, such as head.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

process.exitCode = await runCommandLine(process.argv);

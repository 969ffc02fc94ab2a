import { forgetShell } from '../emulators/shell.ts';

// Before any test, and so for every process that one starts.
forgetShell();

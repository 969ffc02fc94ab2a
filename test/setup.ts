import { forgetShell } from './shell.ts';

// Before any test, and so for every process that one starts.
forgetShell();

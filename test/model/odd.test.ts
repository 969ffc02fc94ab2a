import { playMany } from './many.ts';

playMany('odd');

import { playMany } from './many.ts';

playMany('even');

import { suite } from './suite.ts';

/** As `nobody`: no capabilities, and on most hosts no control group. */
suite({ title: 'attacks by a plain user', uid: 65534 });

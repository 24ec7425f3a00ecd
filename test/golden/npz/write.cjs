/** Writes the arrays with the compiled writer to standard output: the first step of make_npz.py. */
const { encodeNpz } = require('../../../dist/src/protocols/npz.js');
const { ARRAYS } = require('./arrays.cjs');

process.stdout.write(encodeNpz(ARRAYS));

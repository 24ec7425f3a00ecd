import * as tf from '@tensorflow/tfjs';

/** The one tfjs of the process. Rooms that compute take it from here, after `startBackend`. */
export { tf };

import { compressFrameSync, decompressFrameSync } from 'lz4-napi';
import { decompress as decompressZstd } from 'fzstd';
import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import * as snappy from 'snappyjs';
import { AppError } from '../../domain/errors.ts';

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** Magic of the framing that Java's snappy streams put around their blocks: `\x82SNAPPY\0`, then two versions of 4 bytes. */
const FRAMED_SNAPPY = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const FRAMED_SNAPPY_HEADER = 16;

const CODECS: Readonly<Record<'Snappy' | 'LZ4' | 'ZSTD', Codec>> = {
  Snappy: {
    compress: ({ buffer }) => Promise.resolve(snappy.compress(buffer)),
    decompress: (buffer) => Promise.resolve(decompressSnappy(buffer)),
  },
  LZ4: {
    compress: ({ buffer }) => Promise.resolve(compressFrameSync(buffer)),
    decompress: (buffer) => Promise.resolve(decompressFrameSync(buffer)),
  },
  ZSTD: {
    compress: () =>
      Promise.reject(
        new AppError('TEMPER_CONFIG_INVALID', 'compression: expected a codec that can be written, got zstd'),
      ),
    decompress: (buffer) => Promise.resolve(Buffer.from(decompressZstd(buffer))),
  },
};

/**
 * Teaches kafkajs, which brings gzip alone, the other codecs of Kafka. Without them the first message of another
 * producer ends the consumer. zstd is read, not written. Idempotent.
 */
export function registerCodecs(): void {
  for (const [name, codec] of Object.entries(CODECS) as [keyof typeof CODECS, Codec][])
    CompressionCodecs[CompressionTypes[name]] = () => codec;
}

function decompressSnappy(buffer: Buffer): Buffer {
  if (!buffer.subarray(0, FRAMED_SNAPPY.length).equals(FRAMED_SNAPPY)) return snappy.uncompress(buffer);
  const blocks: Buffer[] = [];
  for (let at = FRAMED_SNAPPY_HEADER; at < buffer.length;) {
    const end = at + 4 + buffer.readUInt32BE(at);
    blocks.push(snappy.uncompress(buffer.subarray(at + 4, end)));
    at = end;
  }
  return Buffer.concat(blocks);
}

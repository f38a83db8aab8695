// Image files made byte by byte, for tests: what cameras and programs write, and what attackers do. `paint(x, y)` gives a
// pixel's [r, g, b(, a)]; the default tells where a pixel is: red grows to the right, green downwards.

import { deflateSync } from 'node:zlib';

const gradient = (width, height) => (x, y) => [
    Math.round((255 * x) / Math.max(width - 1, 1)), Math.round((255 * y) / Math.max(height - 1, 1)), 60, 255];

const be = (value, bytes) => {
    const out = Buffer.alloc(bytes);
    out.writeUIntBE(value, 0, bytes);
    return out;
};
const le = (value, bytes) => be(value, bytes).reverse();

const crcTable = Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
});

function chunk(type, data) {
    const body = Buffer.concat([Buffer.from(type), data]);
    let crc = 0xffffffff;
    for (const byte of body) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8);
    return Buffer.concat([be(data.length, 4), body, be((crc ^ 0xffffffff) >>> 0, 4)]);
}

/** A PNG; with `alpha` of four channels. `claim` writes another size into its head than it has. */
export function png(width, height, { alpha = false, paint = gradient(width, height), claim = [width, height] } = {}) {
    const channels = alpha ? 4 : 3;
    const rows = Buffer.alloc(height * (1 + width * channels));
    let at = 0;
    for (let y = 0; y < height; y++) {
        at++; // no filter
        for (let x = 0; x < width; x++) {
            const colour = paint(x, y);
            for (let c = 0; c < channels; c++) rows[at++] = colour[c];
        }
    }
    const head = Buffer.concat([be(claim[0], 4), be(claim[1], 4), Buffer.from([8, alpha ? 6 : 2, 0, 0, 0])]);
    return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('tEXt', Buffer.from('Author\0secret-name')),
        chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** 73 bytes that claim 65,535 by 65,535 pixels of eight bytes each. */
export const tinyBomb = () => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', Buffer.from([0, 0, 255, 255, 0, 0, 255, 255, 16, 6, 0, 0, 0])),
    chunk('IDAT', deflateSync(Buffer.alloc(30), { level: 0 }).subarray(0, 16)), chunk('IEND', Buffer.alloc(0))]);

/** A PNG of a few kilobytes that inflates to `megabytes`. */
export const deflateBomb = (megabytes) => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', Buffer.from([0, 0, 0, 16, 0, 0, 0, 16, 8, 2, 0, 0, 0])),
    chunk('IDAT', deflateSync(Buffer.alloc(megabytes << 20), { level: 9 })), chunk('IEND', Buffer.alloc(0))]);

/** A BMP of 24 bits, rows from the bottom. */
export function bmp(width, height, { paint = gradient(width, height) } = {}) {
    const row = Math.ceil((width * 3) / 4) * 4;
    const pixels = Buffer.alloc(row * height);
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
            const [r, g, b] = paint(x, y);
            pixels.set([b, g, r], (height - 1 - y) * row + x * 3);
        }
    }
    return Buffer.concat([Buffer.from('BM'), le(54 + pixels.length, 4), le(0, 4), le(54, 4), le(40, 4), le(width, 4), le(height, 4),
        le(1, 2), le(24, 2), le(0, 4), le(pixels.length, 4), Buffer.alloc(16), pixels]);
}

/** A GIF of two frames, one red, one blue, not compressed. */
export function gif(width, height) {
    const frames = [0, 1].map((colour) => {
        // Three bits per code; a clear code before each pair keeps it so.
        const codes = [];
        for (let i = 0; i < width * height; i += 2) codes.push(4, colour, ...(i + 1 < width * height ? [colour] : []));
        codes.push(5);
        const bytes = Buffer.alloc(Math.ceil((codes.length * 3) / 8));
        codes.forEach((code, n) => {
            for (let k = 0; k < 3; k++) if (code >> k & 1) bytes[(n * 3 + k) >> 3] |= 1 << ((n * 3 + k) & 7);
        });
        const blocks = [];
        for (let at = 0; at < bytes.length; at += 255) {
            const block = bytes.subarray(at, at + 255);
            blocks.push(Buffer.from([block.length]), block);
        }
        return Buffer.concat([Buffer.from([0x21, 0xf9, 4, 0, 10, 0, 0, 0, 0x2c, 0, 0, 0, 0]), le(width, 2), le(height, 2),
            Buffer.from([0, 2]), ...blocks, Buffer.from([0])]);
    });
    return Buffer.concat([Buffer.from('GIF89a'), le(width, 2), le(height, 2), Buffer.from([0x80, 0, 0, 255, 0, 0, 0, 0, 255]),
        ...frames, Buffer.from([0x3b])]);
}

function segment(marker, ...parts) {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
    return Buffer.concat([Buffer.from([0xff, marker]), be(body.length + 2, 2), body]);
}

/** Exif data of a phone: its orientation, where the photo was taken (as text), and a comment. */
function exif(orientation) {
    const entry = Buffer.concat([be(0x0112, 2), be(3, 2), be(1, 4), be(orientation, 2), be(0, 2)]);
    const tiff = Buffer.concat([Buffer.from('MM'), be(42, 2), be(8, 4), be(1, 2), entry, be(0, 4), Buffer.from('GPS 37.5665 126.9780')]);
    return Buffer.concat([segment(0xe1, Buffer.from('Exif\0\0', 'latin1'), tiff), segment(0xfe, Buffer.from('secret-name'))]);
}

/**
 * A JPEG in which each block of 8 by 8 pixels has one colour (that of its first pixel). Options: `orientation` adds Exif
 * data; `progressive`.
 */
export function jpeg(width, height, { orientation, progressive = false, paint = gradient(width, height) } = {}) {
    const bytes = [];
    let bits = 0;
    let count = 0;
    const put = (value, n) => {
        for (let k = n - 1; k >= 0; k--) {
            bits = bits << 1 | (value >> k & 1);
            if (++count === 8) {
                bytes.push(bits);
                if (bits === 0xff) bytes.push(0);
                bits = count = 0;
            }
        }
    };
    const before = [0, 0, 0];
    for (let y = 0; y < height; y += 8) {
        for (let x = 0; x < width; x += 8) {
            const [r, g, b] = paint(x, y);
            const planes = [0.299 * r + 0.587 * g + 0.114 * b - 128, -0.1687 * r - 0.3313 * g + 0.5 * b, 0.5 * r - 0.4187 * g - 0.0813 * b];
            planes.forEach((value, i) => {
                const dc = Math.max(-1024, Math.min(1016, Math.round(8 * value)));
                const diff = dc - before[i];
                before[i] = dc;
                const size = diff === 0 ? 0 : 32 - Math.clz32(Math.abs(diff));
                put(size, 4); // codes of four bits: the table says so
                if (size) put(diff < 0 ? diff + (1 << size) - 1 : diff, size);
                if (!progressive) put(0, 1); // the end of the block
            });
        }
    }
    if (count) put(0x7f, 8 - count);
    const components = (list) => Buffer.concat(list.map((part) => Buffer.from(part)));
    return Buffer.concat([Buffer.from([0xff, 0xd8]), ...(orientation ? [exif(orientation)] : []),
        segment(0xdb, [0], Buffer.alloc(64, 1)),
        segment(progressive ? 0xc2 : 0xc0, [8], be(height, 2), be(width, 2), [3], components([[1, 0x11, 0], [2, 0x11, 0], [3, 0x11, 0]])),
        segment(0xc4, [0x00], [0, 0, 0, 12, ...Array(12).fill(0)], [...Array(12).keys()]),
        segment(0xc4, [0x10], [1, ...Array(15).fill(0)], [0]),
        segment(0xda, [3, 1, 0, 2, 0, 3, 0, 0, progressive ? 0 : 63, 0]), Buffer.from(bytes), Buffer.from([0xff, 0xd9])]);
}

/** Size and kind of a JPEG or PNG: {type, width, height, alpha}. */
export function look(bytes) {
    if (bytes.readUInt32BE(0) === 0x89504e47) {
        return { type: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), alpha: [4, 6].includes(bytes[25]) };
    }
    for (let at = 2; bytes[at] === 0xff; at += 2 + bytes.readUInt16BE(at + 2)) {
        if (bytes[at + 1] === 0xc0) return { type: 'image/jpeg', width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5), alpha: false };
    }
    throw new Error('neither a JPEG nor a PNG');
}

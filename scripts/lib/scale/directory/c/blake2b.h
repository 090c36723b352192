/*
 * BLAKE2b (RFC 7693) of messages of at most 128 bytes, which is one block; unkeyed, for little-endian machines.
 * LANES messages of the same length at once: the compiler makes the widest instructions of the machine out of a `word`.
 */
#include <stdint.h>
#include <string.h>

enum { LANES = 8, BLAKE2B_WORDS = 16, BLAKE2B_ROUNDS = 12 };

/* one 64-bit number of each message */
typedef uint64_t word __attribute__((vector_size(8 * LANES)));

static const uint64_t blake2b_iv[8] = {
	0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
	0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u,
};

static const uint8_t blake2b_sigma[10][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

#define BLAKE2B_TURNED(x, bits) ((x) >> (bits) | (x) << (64 - (bits)))

static inline void blake2b_mix(word *v, int a, int b, int c, int d, word x, word y)
{
	v[a] += v[b] + x;
	v[d] = BLAKE2B_TURNED(v[d] ^ v[a], 32);
	v[c] += v[d];
	v[b] = BLAKE2B_TURNED(v[b] ^ v[c], 24);
	v[a] += v[b] + y;
	v[d] = BLAKE2B_TURNED(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = BLAKE2B_TURNED(v[b] ^ v[c], 63);
}

/* The first 8 bytes of each digest, as a little-endian number. */
static inline word blake2b(const word message[BLAKE2B_WORDS], uint64_t bytes, uint64_t digest_bytes)
{
	const word zero = {0};
	uint64_t start = blake2b_iv[0] ^ 0x01010000u ^ digest_bytes;
	word v[BLAKE2B_WORDS];

	for (int i = 0; i < 8; i++) {
		v[i] = zero + blake2b_iv[i];
		v[8 + i] = zero + blake2b_iv[i];
	}
	v[0] = zero + start;
	v[12] ^= bytes;
	v[14] = ~v[14];
#pragma GCC unroll 12
	for (int round = 0; round < BLAKE2B_ROUNDS; round++) {
		const uint8_t *order = blake2b_sigma[round % 10];

#pragma GCC unroll 4
		for (int i = 0; i < 4; i++)
			blake2b_mix(v, i, 4 + i, 8 + i, 12 + i, message[order[2 * i]], message[order[2 * i + 1]]);
#pragma GCC unroll 4
		for (int i = 0; i < 4; i++)
			blake2b_mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4,
				    message[order[8 + 2 * i]], message[order[9 + 2 * i]]);
	}
	return start ^ v[0] ^ v[8];
}

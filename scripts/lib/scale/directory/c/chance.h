/* Random numbers that are the same on every machine: splitmix64 (Steele, Lea, Flood 2014). */
#include <stdint.h>

struct chance {
	uint64_t state;
};

static inline uint64_t chance_word(struct chance *chance)
{
	uint64_t z = (chance->state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Below `limit`, which is at most 2^32: the high half of a product (Lemire 2019), biased by less than 2^-31. */
static inline uint32_t chance_below(struct chance *chance, uint64_t limit)
{
	return (uint32_t)((chance_word(chance) >> 32) * limit >> 32);
}

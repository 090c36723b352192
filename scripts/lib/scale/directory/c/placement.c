/*
 * Places addresses on stores by the same scores as chatmaild/directory/placement.py, and counts.
 *
 * Arguments: counts|winners FROM TO. The addresses are s00000000@chat.example.org and so on; TO - FROM is a multiple of 8.
 * Standard input: a line for each store, its name and weight; those of one weight side by side.
 *
 * counts: the last store is one that is added. Prints the number of addresses that go to it, then a line for each other
 * store: the addresses that it has before, and those that it gets of the first one when that is drained.
 * winners: prints the number of the store of each address.
 */
#include "blake2b.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STORES = 20000, MAX_NAME_BYTES = 60, DIGEST_BYTES = 8, SCORE_UNUSED_BITS = 64 - 52 };

struct store {
	uint64_t hash;
	double weight;
	uint64_t count, gained;
};

/* the winner and the next one, with their scores */
struct best {
	double score, next_score;
	int store, next;
};

static struct store stores[MAX_STORES];
static int store_count;

/* The hash of a text in each lane; all have the same length. */
static word hashes_of(char texts[LANES][8 * BLAKE2B_WORDS], size_t bytes)
{
	word message[BLAKE2B_WORDS];

	for (int lane = 0; lane < LANES; lane++) {
		uint64_t words[BLAKE2B_WORDS] = {0};

		memcpy(words, texts[lane], bytes);
		for (int i = 0; i < BLAKE2B_WORDS; i++)
			message[i][lane] = words[i];
	}
	return blake2b(message, bytes, DIGEST_BYTES);
}

static void read_stores(void)
{
	char texts[LANES][8 * BLAKE2B_WORDS] = {0}, *name = texts[0];
	double weight;

	_Static_assert(MAX_NAME_BYTES == 60, "as in the format");
	while (store_count < MAX_STORES && scanf("%60s %lf", name, &weight) == 2) {
		struct store *store = &stores[store_count++];

		store->weight = weight;
		store->hash = hashes_of(texts, strlen(name))[0];
	}
}

static word hashes_of_addresses(unsigned long first)
{
	char texts[LANES][8 * BLAKE2B_WORDS];
	int bytes = 0;

	for (int lane = 0; lane < LANES; lane++)
		bytes = snprintf(texts[lane], sizeof texts[lane], "s%08lu@chat.example.org", first + (unsigned)lane);
	return hashes_of(texts, (size_t)bytes);
}

/* The number of a store for each address; the mixer is that of SplitMix64. */
static word numbers(const struct store *store, word addresses)
{
	word z = addresses ^ store->hash;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static double score(uint64_t number, double weight)
{
	return -weight / log(((double)(number >> SCORE_UNUSED_BITS) + 0.5) / 0x1p52);
}

static void offer(struct best *best, int store, double value)
{
	if (value > best->score) {
		best->next = best->store;
		best->next_score = best->score;
		best->store = store;
		best->score = value;
	} else if (value > best->next_score) {
		best->next = store;
		best->next_score = value;
	}
}

/* Among stores of one weight the largest number wins, so the two largest alone need a logarithm. */
static void place(struct best best[LANES], word addresses, int count)
{
	for (int lane = 0; lane < LANES; lane++)
		best[lane] = (struct best){-1, -1, -1, -1};
	for (int start = 0, end; start < count; start = end) {
		const word none = {0};
		word first = none, second = none, first_store = none, second_store = none;

		for (end = start; end < count && stores[end].weight == stores[start].weight; end++) {
			word number = numbers(&stores[end], addresses), store = none + (uint64_t)end + 1;
			word wins = (word)(number > first), follows = ~wins & (word)(number > second);

			second = (wins & first) | (follows & number) | (~wins & ~follows & second);
			second_store = (wins & first_store) | (follows & store) | (~wins & ~follows & second_store);
			first = (wins & number) | (~wins & first);
			first_store = (wins & store) | (~wins & first_store);
		}
		for (int lane = 0; lane < LANES; lane++) {
			offer(&best[lane], (int)first_store[lane] - 1, score(first[lane], stores[start].weight));
			if (second_store[lane] != 0)
				offer(&best[lane], (int)second_store[lane] - 1, score(second[lane], stores[start].weight));
		}
	}
}

int main(int count, char **arguments)
{
	uint64_t moved = 0;

	if (count != 4) {
		fputs("counts|winners FROM TO\n", stderr);
		return 2;
	}
	read_stores();
	int is_counting = strcmp(arguments[1], "counts") == 0;
	int last = store_count - 1;

	for (unsigned long i = strtoul(arguments[2], NULL, 10); i < strtoul(arguments[3], NULL, 10); i += LANES) {
		struct best best[LANES];

		word addresses = hashes_of_addresses(i), added = numbers(&stores[last], addresses);

		place(best, addresses, is_counting ? last : store_count);
		for (int lane = 0; lane < LANES; lane++) {
			if (!is_counting) {
				printf("%d\n", best[lane].store);
				continue;
			}
			stores[best[lane].store].count++;
			if (best[lane].store == 0)
				stores[best[lane].next].gained++;
			moved += score(added[lane], stores[last].weight) > best[lane].score;
		}
	}
	if (is_counting) {
		printf("%llu\n", (unsigned long long)moved);
		for (int i = 0; i < last; i++)
			printf("%llu %llu\n", (unsigned long long)stores[i].count, (unsigned long long)stores[i].gained);
	}
	return 0;
}

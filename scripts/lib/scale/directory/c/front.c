/*
 * The memory of one front for addresses that are not at their first place: which events find theirs in it.
 * Every event is simulated.
 *
 * Arguments: ADDRESSES FRONTS ENTRIES SEED STEPS STEP_S LOGINS DELIVERIES
 * ADDRESSES counts those that are not at their first place. LOGINS and DELIVERIES are events a day for each of them, on
 * average; a front takes a part of 1/FRONTS, because a client chooses one anew at each connection.
 *
 * Half of the addresses are in use. They have all logins and three quarters of the deliveries. Within a half all
 * addresses are alike, so no few busy ones make the memory look better than it is.
 *
 * The memory has ENTRIES entries, and forgets the one that was used longest ago.
 *
 * Prints a line for each step: logins, logins found, deliveries, deliveries found, entries used.
 */
#include "chance.h"

#include <stdio.h>
#include <stdlib.h>

/* a list in the order of use, as a ring of indexes; entry 0 is its head */
struct memory {
	uint32_t *newer, *older, *owner;
	uint32_t *entry_of; /* by address; 0: not in memory */
	uint32_t size, used;
};

static void *table(size_t count)
{
	void *memory = calloc(count, sizeof(uint32_t));

	if (memory == NULL) {
		fputs("not enough memory for the tables of the simulation\n", stderr);
		exit(1);
	}
	return memory;
}

static void take_out(struct memory *m, uint32_t entry)
{
	m->newer[m->older[entry]] = m->newer[entry];
	m->older[m->newer[entry]] = m->older[entry];
}

static void put_first(struct memory *m, uint32_t entry)
{
	m->newer[entry] = 0;
	m->older[entry] = m->older[0];
	m->newer[m->older[0]] = entry;
	m->older[0] = entry;
}

/* Returns whether the address was in memory; it is afterwards. */
static unsigned use(struct memory *m, uint32_t address)
{
	uint32_t entry = m->entry_of[address];

	if (entry != 0) {
		take_out(m, entry);
		put_first(m, entry);
		return 1;
	}
	if (m->used < m->size) {
		entry = ++m->used;
	} else {
		entry = m->newer[0];
		take_out(m, entry);
		m->entry_of[m->owner[entry]] = 0;
	}
	m->owner[entry] = address;
	m->entry_of[address] = entry;
	put_first(m, entry);
	return 0;
}

int main(int count, char **arguments)
{
	if (count != 9) {
		fputs("wrong number of arguments\n", stderr);
		return 2;
	}
	uint64_t addresses = strtoull(arguments[1], NULL, 10), half = addresses / 2;
	double fronts = strtod(arguments[2], NULL);
	uint32_t entries = (uint32_t)strtoul(arguments[3], NULL, 10);
	struct chance chance = {strtoull(arguments[4], NULL, 10)};
	int steps = atoi(arguments[5]);
	double step_s = strtod(arguments[6], NULL);
	double logins = strtod(arguments[7], NULL), deliveries = strtod(arguments[8], NULL);
	/* a random number of 32 bits below it is a login */
	uint64_t login_limit = (uint64_t)(logins / (logins + deliveries) * 0x1p32);
	double events_a_step = (double)addresses * (logins + deliveries) / fronts / 86400 * step_s;
	struct memory m = {
		.newer = table(entries + 1u), .older = table(entries + 1u), .owner = table(entries + 1u),
		.entry_of = table(addresses), .size = entries,
	};
	uint64_t done = 0;

	for (int step = 1; step <= steps; step++) {
		unsigned long all[2] = {0}, found[2] = {0}; /* logins, deliveries */

		for (; done < (uint64_t)(events_a_step * step); done++) {
			int is_delivery = chance_below(&chance, 0x100000000) >= login_limit;
			int is_quiet = is_delivery && chance_below(&chance, 4) == 0;
			uint32_t number = chance_below(&chance, half);

			all[is_delivery]++;
			found[is_delivery] += use(&m, (uint32_t)(is_quiet ? half + number : number));
		}
		printf("%lu %lu %lu %lu %u\n", all[0], found[0], all[1], found[1], m.used);
		fflush(stdout);
	}
	return 0;
}

/*
 * Preloaded into Postfix: it sends warnings and worse to syslog, and nothing else. Replaces no function; POSIX
 * setlogmask(3) in a constructor, so no version of Postfix matters.
 *
 * Reason: privacy. Postfix sends some seven lines a message, with addresses. The unit's LogLevelMax= (privacy.nix) lets
 * the journal drop them, but the journal learns the unit from /proc, too late where the sender has exited: of 1000 lines
 * of processes that end at once, 72 stayed, and so did IP addresses that anvil(8) logged when a restart ended it.
 *
 * Postfix' own means: no setting has a level. `maillog_file = /dev/null` drops warnings, too, which an operator needs.
 * Cost is no reason: a message takes 7 to 12 ms of processor time on a relay in all variants, and the journal needs
 * 0.15 to 0.3 ms of it to drop the lines (5 rounds of 150 messages, in turns).
 */
#include <syslog.h>

static void __attribute__((constructor)) be_quiet(void)
{
	setlogmask(LOG_UPTO(LOG_WARNING));
}

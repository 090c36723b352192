/*
 * Has an unmodified program tell syslog of warnings and worse only. Preloaded into Postfix, which tells some seven lines
 * of every message, each with an address in it. The journal would drop them (modules/chatmail/privacy.nix), at a price:
 * it took 0.2 ms of processor time a message, at the very moment when somebody waits for his 250.
 */
#include <syslog.h>

static void __attribute__((constructor)) be_quiet(void)
{
	setlogmask(LOG_UPTO(LOG_WARNING));
}

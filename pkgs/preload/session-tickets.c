/*
 * LD_PRELOAD interposer for Dovecot's imap-login and Postfix' smtpd: all processes seal TLS session tickets (RFC 8446
 * section 4.6.1) with the same keys, which outlive a restart. Otherwise each imap-login process has keys of its own, and
 * a client resumes its session only if it meets the same process again. Neither program has a setting for it.
 *
 * The keys are in a file in memory (modules/chatmail/network/tickets.nix), which root alone can read, and which a timer
 * changes in place. Programs map it when they start, before they give up root and enter their root directory, so they
 * see the change. Without the file all is as in the stock programs.
 *
 * SSL_CTX_new(): the new context gets our callback.
 * SSL_CTX_set_tlsext_ticket_key_evp_cb(): Postfix sets its own callback, and gets ours instead.
 */
#define _GNU_SOURCE
#include "original.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_NAME "/run/chatmail-tickets/keys"
/* Keys live for three days: one as the current one, two for tickets that it has sealed. */
#define KEYS 3
#define LIFETIME_S (2 * 24 * 60 * 60)

struct key {
	unsigned char name[16];
	unsigned char mac[32];
	unsigned char cipher[32];
};

struct keys {
	/* modulo KEYS: the one that seals; it changes after the new key is written */
	volatile unsigned char current;
	struct key key[KEYS];
};
_Static_assert(sizeof(struct keys) == 1 + KEYS * 80, "the script that makes the keys counts bytes");

static const struct keys *keys;

static struct {
	__typeof__(RAND_bytes) *random;
	__typeof__(EVP_aes_256_cbc) *aes;
	__typeof__(EVP_CipherInit_ex) *set_cipher;
	__typeof__(EVP_MAC_CTX_set_params) *set_mac;
	__typeof__(SSL_CTX_set_tlsext_ticket_key_evp_cb) *set_callback;
	__typeof__(SSL_CTX_set_timeout) *set_timeout;
	__typeof__(SSL_version) *version;
} openssl;

static void __attribute__((constructor)) map_keys(void)
{
	const char *program = program_invocation_short_name;
	void *found;
	int fd;

	if (strcmp(program, "imap-login") != 0 && strcmp(program, "smtpd") != 0)
		return;
	fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return;
	if (lseek(fd, 0, SEEK_END) == (off_t)sizeof(*keys)) {
		found = mmap(NULL, sizeof(*keys), PROT_READ, MAP_SHARED, fd, 0);
		if (found != MAP_FAILED)
			keys = found;
	}
	(void)close(fd);
}

static const struct key *named(const unsigned char *name)
{
	for (int i = 0; i < KEYS; i++)
		if (memcmp(keys->key[i].name, name, sizeof(keys->key[i].name)) == 0)
			return &keys->key[i];
	return NULL;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3) */
static int callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals)
{
	const struct key *key = seals ? &keys->key[keys->current % KEYS] : named(name);
	unsigned char mac_key[sizeof(key->mac)];
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		{ OSSL_MAC_PARAM_KEY, OSSL_PARAM_OCTET_STRING, mac_key, sizeof(mac_key), OSSL_PARAM_UNMODIFIED },
		{ OSSL_MAC_PARAM_DIGEST, OSSL_PARAM_UTF8_STRING, digest, strlen(digest), OSSL_PARAM_UNMODIFIED },
		OSSL_PARAM_END,
	};

	if (key == NULL)
		return 0; /* a full handshake, and a new ticket */
	/* A ticket of TLS 1.2 holds what recorded sessions can be decrypted with, one of TLS 1.3 does not. */
	if (openssl.version(ssl) < TLS1_3_VERSION)
		return 0;
	if (seals) {
		memcpy(name, key->name, sizeof(key->name));
		if (openssl.random(iv, 16) != 1)
			return -1;
	}
	memcpy(mac_key, key->mac, sizeof(mac_key));
	if (openssl.set_cipher(cipher, openssl.aes(), NULL, key->cipher, iv, seals) != 1 ||
	    openssl.set_mac(mac, parameters) != 1)
		return -1;
	/* 2: the client gets a new ticket, because it uses each only once (RFC 8446 appendix C.4) */
	return seals ? 1 : 2;
}

static int has_openssl(const void *caller)
{
	openssl.random = (__typeof__(openssl.random))original("RAND_bytes", caller);
	openssl.aes = (__typeof__(openssl.aes))original("EVP_aes_256_cbc", caller);
	openssl.set_cipher = (__typeof__(openssl.set_cipher))original("EVP_CipherInit_ex", caller);
	openssl.set_mac = (__typeof__(openssl.set_mac))original("EVP_MAC_CTX_set_params", caller);
	openssl.version = (__typeof__(openssl.version))original("SSL_version", caller);
	openssl.set_timeout = (__typeof__(openssl.set_timeout))original("SSL_CTX_set_timeout", caller);
	openssl.set_callback = (__typeof__(openssl.set_callback))original("SSL_CTX_set_tlsext_ticket_key_evp_cb", caller);
	return openssl.random != NULL && openssl.aes != NULL && openssl.set_cipher != NULL && openssl.version != NULL &&
	       openssl.set_mac != NULL && openssl.set_timeout != NULL && openssl.set_callback != NULL;
}

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
	static __typeof__(SSL_CTX_new) *make;
	const void *caller = __builtin_return_address(0);
	SSL_CTX *context;

	if (make == NULL)
		make = (__typeof__(make))original("SSL_CTX_new", caller);
	context = make(method);
	if (context != NULL && keys != NULL && has_openssl(caller)) {
		(void)openssl.set_callback(context, callback);
		(void)openssl.set_timeout(context, LIFETIME_S);
	}
	return context;
}

int SSL_CTX_set_tlsext_ticket_key_evp_cb(SSL_CTX *context,
					 int (*theirs)(SSL *, unsigned char *, unsigned char *, EVP_CIPHER_CTX *,
						       EVP_MAC_CTX *, int))
{
	static __typeof__(SSL_CTX_set_tlsext_ticket_key_evp_cb) *set;

	if (set == NULL)
		set = (__typeof__(set))original("SSL_CTX_set_tlsext_ticket_key_evp_cb", __builtin_return_address(0));
	return set(context, keys != NULL ? callback : theirs);
}

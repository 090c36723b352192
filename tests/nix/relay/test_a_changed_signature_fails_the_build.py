"""Dovecot plugin and interposer compile against its headers, and fail if a signature changes."""

import pathlib
import shutil

import pytest
from chatmail_lab.errors import CommandError
from chatmail_lab.image.programs import HEADERS, compile_library
from chatmail_lab.machine.checkout import checkout

# (source, header below /usr/include, its signature, a changed one)
SIGNATURES = [
    (
        "plugins/instant-idle.c",
        "dovecot/mail-storage-private.h",
        "void (*notify_changes)(struct mailbox *box);",
        "void (*notify_changes)(struct mailbox *box, bool now);",
    ),
    (
        "plugins/instant-idle.c",
        "dovecot/mailbox-watch.h",
        "void mailbox_watch_add(struct mailbox *box, const char *path);",
        "void mailbox_watch_add(struct mail *mail, const char *path);",
    ),
    (
        "plugins/instant-idle.c",
        "dovecot/imap-client.h",
        "void (*destroy)(struct client *client, const char *reason);",
        "void (*destroy)(struct client *client);",
    ),
    (
        "plugins/instant-idle.c",
        "dovecot/ioloop.h",
        "typedef void timeout_callback_t(void *context);",
        "typedef int timeout_callback_t(void *context);",
    ),
    (
        "plugins/each-reply.c",
        "dovecot/lmtp-client.h",
        "int (*local_deliver)(struct client *client,",
        "int (*local_deliver)(struct client *client, bool now,",
    ),
    (
        "plugins/rare-recount.c",
        "dovecot/quota-private.h",
        "int (*update)(struct quota_root *root,",
        "int (*update)(struct quota_root *root, bool now,",
    ),
    (
        "plugins/rare-recount.c",
        "dovecot/quota-private.h",
        "struct quota *quota_get_mail_user_quota(struct mail_user *user);",
        "struct quota_root *quota_get_mail_user_quota(struct mail_user *user);",
    ),
    (
        "plugins/tell-delivery.c",
        "dovecot/lmtp-client.h",
        "struct mail *src_mail;",
        "struct istream *src_mail;",
    ),
    (
        "absent-mail.c",
        "dovecot/mail-storage-private.h",
        "void mail_set_critical(struct mail *mail,",
        "int mail_set_critical(struct mail *mail,",
    ),
    (
        "ended-peers.c",
        "dovecot/connection.h",
        "const char *connection_disconnect_reason(struct connection *conn);",
        "char *connection_disconnect_reason(struct connection *conn);",
    ),
    (
        "no-statistics.c",
        "dovecot/process-stat.h",
        "void process_stat_read_start(struct process_stat *stat_r, struct event *event);",
        "void process_stat_read_start(struct process_stat *stat_r);",
    ),
    (
        "prompt-stop.c",
        "dovecot/failures.h",
        "void i_set_info_handler(failure_callback_t *callback);",
        "void i_set_info_handler(void (*callback)(const char *line));",
    ),
    (
        "prompt-stop.c",
        "dovecot/master-service.h",
        "const struct master_service_anvil_session *session,\n\tconst guid_128_t conn_guid);",
        "const struct master_service_anvil_session *session);",
    ),
    (
        "resumed-input.c",
        "dovecot/connection.h",
        "void connection_input_halt(struct connection *conn);",
        "int connection_input_halt(struct connection *conn);",
    ),
    (
        "shared-settings.c",
        "dovecot/settings.h",
        "int settings_get(struct event *event,",
        "int settings_get(const struct event *event,",
    ),
    (
        "shared-settings.c",
        "dovecot/settings.h",
        "void settings_override(struct settings_instance *instance,",
        "bool settings_override(struct settings_instance *instance,",
    ),
    (
        "shared-settings.c",
        "dovecot/var-expand.h",
        "int var_expand_program_execute(string_t *dest, const struct var_expand_program *program,",
        "int var_expand_program_execute(string_t *dest, struct var_expand_program *program,",
    ),
    (
        "shared-settings.c",
        "dovecot/event-filter.h",
        "int event_filter_parse_case_sensitive(const char *str,",
        "int event_filter_parse_case_sensitive(string_t *str,",
    ),
    (
        "small-sessions.c",
        "openssl/bio.h",
        "int BIO_new_bio_pair(BIO **bio1, size_t writebuf1,",
        "int BIO_new_bio_pair(BIO **bio1, int writebuf1,",
    ),
    (
        "small-sessions.c",
        "dovecot/istream-private.h",
        "i_stream_create(struct istream_private *stream, struct istream *parent, int fd,",
        "i_stream_create(struct istream_private *stream, struct istream *parent, long fd,",
    ),
    (
        "small-sessions.c",
        "dovecot/ostream-file-private.h",
        "int fd, size_t max_buffer_size, bool autoclose_fd);",
        "int fd, bool autoclose_fd);",
    ),
    (
        "small-sessions.c",
        "sys/epoll.h",
        "int __maxevents, int __timeout)",
        "int __maxevents, long __timeout)",
    ),
    (
        "quiet-first.c",
        "sys/epoll.h",
        "int __maxevents, int __timeout)",
        "int __maxevents, long __timeout)",
    ),
]
INCLUDE = pathlib.PurePath(HEADERS).parent


@pytest.fixture
def headers(root: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of Dovecot's headers, and of the other headers that the test changes."""
    include = root / INCLUDE.relative_to("/")
    shutil.copytree(include / "dovecot", tmp_path / "dovecot")
    for name in ("openssl/bio.h", "sys/epoll.h"):
        (found,) = include.glob(f"**/{name}")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(found, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("source", sorted({source for source, *_ in SIGNATURES}))
def test_unchanged_headers_compile(source: str, root: pathlib.Path, headers: pathlib.Path) -> None:
    """So a failure below is due to the change."""
    target = headers / "library.so"

    compile_library(root, checkout() / "pkgs/preload" / source, target, include=headers)

    assert target.read_bytes().startswith(b"\x7fELF")


@pytest.mark.parametrize(("source", "header", "signature", "another"), SIGNATURES)
def test_a_changed_signature_does_not_compile(
    source: str,
    header: str,
    signature: str,
    another: str,
    root: pathlib.Path,
    headers: pathlib.Path,
) -> None:
    """The error of the compiler names the mismatch."""
    changed = headers / header
    text = changed.read_text()
    assert text.count(signature) == 1
    changed.write_text(text.replace(signature, another))

    with pytest.raises(CommandError, match=r"error: .*(conflicting|incompatible|invalid)"):
        compile_library(
            root, checkout() / "pkgs/preload" / source, headers / "library.so", include=headers
        )

"""Renderers of what is no daemon: files of /etc, tmpfiles, users, tunnels."""

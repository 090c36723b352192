"""What people and programs ask for over HTTPS: `/new` and `/account/delete`."""

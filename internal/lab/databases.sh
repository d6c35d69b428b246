# Sourced by lab.sh: PostgreSQL and OpenLDAP, which each test starts for itself
# (databases.go), with data of its own.
# shellcheck shell=bash

databases_install() {
  certificates
  part_root databases postgresql slapd ldap-utils
  touch "$LAB/databases/installed"
}

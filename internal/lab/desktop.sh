#!/bin/bash
# A desktop that nobody sees: Xvfb, and dunst for notifications. Sourced by
# lab.sh, which installs it; lab.NewDesktop starts one for a test.
# shellcheck shell=bash

desktop_install() { host_packages xvfb dunst dbus scrot fonts-dejavu-core; }

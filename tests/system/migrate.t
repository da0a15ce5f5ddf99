#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Migration to localhost.
exec "${0%/*}/boot" -x c migrate

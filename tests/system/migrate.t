#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Migration to localhost; checkpoints one after the other.
exec "${0%/*}/boot" -x c migrate checkpoints

// SPDX-License-Identifier: GPL-3.0-or-later

// Package icinga2 manages hosts, services and downtimes of Icinga 2 through its REST API:
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/
package icinga2

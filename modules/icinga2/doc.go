// SPDX-License-Identifier: GPL-3.0-or-later

// Package icinga2 manages hosts, services and downtimes of Icinga 2 through its REST API:
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/
//
// What the vendor's documentation does not say of downtimes, and where it is dealt with (seen on 2.13.6):
//
//   - schedule-downtime adds a downtime with each call, also an equal one or one that is over. So a downtime is known by its author,
//     comment, object and time (downtimes.Find), and a call whose answer was lost is looked up before it is sent again.
//   - Scheduling for many objects by a filter is slower than single calls over four connections, 1.8 s to 0.7 s for 300 hosts. So each
//     object has its own call (downtimes.Create). Removing by a filter is three times as fast as by single calls (downtimes.DeleteMany).
//   - A filter that matches nothing is the answer 500 with no results, as is a failure (downtimes.DeleteMany looks what is left).
//   - The downtime of a service that all_services brought has the host's as its parent and goes with it. Those that child_options brought
//     have no parent and stay. In the mode that triggers nothing they do not even name the one that brought them. They have its times to
//     the microsecond, though, also after a restart. So the module gives it times of its own (mark, families).
//   - A downtime can be modified, but only with objects/modify/Downtime, which scheduling does not need (downtimes.MustReplace).
//   - A flexible downtime that a problem has begun lasts for its duration, also behind its end (fromWireDowntime).
//   - match in filters takes a for A (selection.named looks again).
package icinga2

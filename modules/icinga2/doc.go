// SPDX-License-Identifier: GPL-3.0-or-later

// Package icinga2 manages hosts, services and downtimes of Icinga 2 through its REST API:
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/
//
// What the vendor's reference does not say, seen on a live 2.13.6 of Debian 12, and where it is dealt with:
//
//   - Statuses do not tell what happened: a missing permission is a 404 as an absence is, a refusal is a 500 or, of an update, a 200 whose
//     result has the code 500. A creation that made nothing is a 200 without a status (client.go, and Verify of package reconcile).
//   - A missing permission to create is a 404 for the path, as is a name that is too long (permission, Admit). What the user may do is told
//     at /v1.
//   - A host whose creation was refused keeps its name blocked until a reload, and the server crashes, and does not start again, when it
//     gets a service on such a host. So what a new host names is looked up before (Admit), a host is created anew only after a rehearsal
//     under another name (Recreate), and services go to hosts that are known to exist (Admit, Create). Services themselves block nothing.
//   - Two callers who create the same name at once: one is refused, and takes the other's file along. The object is gone at the next start
//     (the Ledger of package reconcile; notes.alone; audit). No harm was seen of a creation and a deletion at once, tried 600 times, nor
//     of an update and a deletion, or two updates, 300 times each.
//   - Creations and deletions are on disk at once, updates every five minutes: a crash loses them, a stop or reload does not.
//   - A reload begins a process that reads the files. Until that takes its place the old one answers, with the old program_start, and confirms
//     what the new one does not know, although it has a file. So what was created anew is looked at again after a reload (finish, end).
//   - A deletion takes along what hangs from the object, be it of other kinds and whatever the user may delete (Cascade, hanging).
//   - A downtime or comment that is put as an object, with its name, is the same again and in force (restore). Only when a flexible downtime
//     began and what it triggers cannot be set (entangled).
//   - What an object has of its own and what of its templates is not told, and which templates it names only with all that these import. Both
//     are found out with other objects of the same templates (ownOf, bare).
//   - templates, groups and zone are fixed (MustReplace). host_name, package, templates and __name are taken as attributes and break the
//     object; nothing here sends them. Static and applied objects can be updated and then stay so; nothing here does (Merge, Admit).
//   - The attributes of an update are set in the order of their names until one is refused (before). So what an update newly names is
//     looked up as well (Admit).
//   - A query gives effective values: templates are the object's own name and then all imports, groups have those of assign rules, numbers
//     and booleans are cast, an empty display_name is the name (fromWire, checked, Merge).
//   - A dot in "vars.a.b" is a level, so that a variable with a dot in its name is set with all the others (creation). A whole "vars" takes
//     the place of those of templates; an update always sends the whole, because dictionaries set one by one drift at a restart. So it reads
//     anew what there is, while nobody else on the controller sets variables of the object (Exclusive, Update).
//   - No host or service can be in a global zone. A command endpoint must be of the object's zone or of one  directly below it; the server
//     does not check that in updates (admitZones).
//   - Apply and assign rules are evaluated when an object is created, never when it is updated (warnOfRules, recreate_for).
//   - Files hold numbers with six decimals (round), and all numbers are doubles (inexact).
//   - A variable that was once set by a path, such as vars.disks.x, comes back as null with each reload (withoutNulls). Where the path leads
//     through something that is no dictionary, the server saves no modification of any object any more, and ends at the next reload
//     (breaks). Only recreating the object clears the path.
//   - The name of an object's file is its full name with %XX for some characters, and must have at most 250 bytes so (fileName). Those
//     of downtimes and comments are cut to 123, with a digest at the end (filePath).
//   - An exclamation mark in a service's name makes an object of another name (checkName).
//   - A query with an empty list of attributes gives all, which takes three times as long (named). A path that ends after the kind is about
//     every object (removeAll; package httpapi refuses empty segments). A filter beside names adds to them.
//   - Names in the body of an update are looked up one by one: the same change to 6,000 services takes 0.5 seconds so, 1.0 by filters in parts
//     of 500, each of which walks over all services, and 2.0 by single calls. Where one of the names is not there nothing is done (UpdateMany).
//   - The server closes idle connections after 10 seconds (idle) and waits 40 milliseconds for an acknowledgement in the middle of
//     longer answers (QuickAck). More than four connections make it no faster.
//   - A filter's match does not tell upper from lower case (matching). On this server and older ones a filter can see what
//     its user may not query (exists).
//
// Of downtimes:
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

// SPDX-License-Identifier: GPL-3.0-or-later

// Package alerta clears what a vanished stack leaves in Alerta, through the API of 9.1 and 9.0: https://docs.alerta.io/api/reference.html
//
// The server often matches more than its parameters say, and what is deleted is gone. What it does, and where it is dealt with:
//
//   - Without a filter, or with an empty one, a call means all alerts. The query language reads what it does not understand as less, and
//     so as more alerts; dates in another form than its own are ignored. Alerts are therefore listed by filters that are known to be exact,
//     compared again here, and changed one by one (selection).
//   - An id in a path is a pattern for the beginning of ids, and for that of the last reception (whole). Alerts may have any id; those without
//     a full UUID are left alone, and those with whose id another begins (alerts.spareShared). To list by ids is slow (likeness).
//   - A list that is read in pages lacks some alerts and repeats others, even while nothing changes (everything).
//   - A value that begins with a tilde is a pattern. A request line over 4094 bytes is refused by gunicorn (filters).
//   - Deleting in bulk by lastReceiveId is exact, and spares alerts that were received again. It is broken before 9.0 and on MongoDB, and
//     skips customers, the audit trail and plugins (bulkAlerts).
//   - Clients that delete the same alert at once get 500 (deleteOne).
//   - Blackouts like one that is there are made again (blackouts.Find). PUT ignores duration, and takes away the customer that is not sent
//     (blackouts.Update). POST adds the customer of the key (blackouts.keys). Those that are over stay until somebody deletes them.
//   - Housekeeping takes whole hours; 0 and what is no number mean the server's default, and -1 means at once. It does not tell what it
//     deleted, and 9.0 expires 50 alerts a call (keepHouse).
//   - The answer to a wrong key repeats the key (httpapi hides it).
package alerta

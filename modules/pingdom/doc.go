// SPDX-License-Identifier: GPL-3.0-or-later

// Package pingdom manages Pingdom through its API 3.1: https://docs.pingdom.com/api/
//
// What the vendor's reference does not say, or says wrongly, and where it is dealt with:
//
//   - Limits: every answer may carry Req-Limit-Short and Req-Limit-Long, "Remaining: 394 Time until reset: 3589" (parseLimits).
//   - The list of checks holds only name, hostname, type, resolution, status, tags, ipv6 and a few others; the rest needs a GET for each
//     check. A new check may be missing from it for a moment (listChecks, and the Ledger of package reconcile).
//   - The type is a word in the list and an object with the fields of the type in the details, which for ping may also be a word or an
//     empty list (checkType). Ids and counts of tags are numbers in one answer and strings in another (flexible).
//   - What is not there is the default or empty: "Not all attributes are always present" (fromWire).
//   - host reads back as hostname, paused as a status, auth as username and password, tags with those that the server gives by itself (type
//     "a"), probe filters with a space, teams only on demand, headers as a map that has a User-Agent of Pingdom's own (fromWire).
//   - PUT takes a part: what is not sent stays, an explicit empty value clears (toWire). encryption and port go together, and of
//     shouldcontain and shouldnotcontain one has to be blanked when the other is set (Merge).
//   - A check that does not exist is told by 404, or by another refusal with the words "Invalid check identifier" (classify).
//   - PUT /checks without checkids changes every check of the account. Nothing here calls it.
//   - A window does not say who opened it, and nothing can be written into it but the description. Its checks tell whose it is, as far as
//     that can be told (own), and only GET by id proves that one of them is gone (prove).
//   - Times of a window must be in the future when they arrive; 1 is the vendor's word for now (current, body). A window that has begun is
//     ended and one that has not is deleted (Delete).
//   - The type cannot change after creation (Merge), and names are not unique (Find).
package pingdom

// SPDX-License-Identifier: GPL-3.0-or-later

// Package statuscake manages StatusCake through its API v1: https://developers.statuscake.com/api/
//
// What the vendor's Swagger file does not say, and where it is dealt with:
//
//   - Limits: 5 requests a second for an account, whichever token is used, and 60 a minute on free plans. Answers carry
//     x-ratelimit-limit, -remaining and -reset, the last in seconds from now (limits in client.go).
//   - The list of tests holds only id, name, website_url, test_type, check_rate, contact_groups, paused, status, tags and uptime;
//     the rest needs a GET for each test. It is paged by 1 to 100, its total_count has been seen as 0, and a new test
//     may be missing from it for a moment (listUptime, and the Ledger of package reconcile).
//   - Only 404 on GET by id proves that a test is gone. Clients that read a failed list as empty made duplicates.
//   - Arrays are sent as field[]=value, except status_codes_csv. An empty value clears; a field that is not sent stays.
//   - basic_username and basic_password are never read back. regions read back as servers[].region_code, status_codes_csv as
//     status_codes[] (fromWire).
//   - trigger_rate, when absent at creation, becomes 4 and not the documented 0; empty or absent status codes at creation give
//     DefaultStatusCodes, and only an update can empty them (Merge, Create).
//   - test_type cannot change after creation (MustReplace).
//   - Names are not unique (Find).
package statuscake

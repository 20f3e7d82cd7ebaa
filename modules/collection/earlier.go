// SPDX-License-Identifier: GPL-3.0-or-later

package collection

import "fmt"

// earlierName is a module name that playbooks from before this collection use.
type earlierName struct {
	module  string // the module that replaces it, or the earlier name whose route it shares
	instead string // what to write where no module replaces it
}

// earlierNames returns the names of docs/migrating.md. A name that a future module will take does not become a
// tombstone but a redirect to one, which is easier to take back.
func earlierNames() map[string]earlierName {
	const noCertificates = "There is no module for SSL checks yet. Write enable_ssl_alert: true in stackwatch.monitoring.status_cake_test."
	const noPagespeed = "There is no module for page speed checks yet. Send POST /v1/pagespeed with ansible.builtin.uri."
	return map[string]earlierName{
		"statuscake":            {module: "status_cake_test"},
		"statuscake_uptime":     {module: "status_cake_test"},
		"status_cake_uptime":    {module: "status_cake_test"},
		"pingdom":               {module: "pingdom_check"},
		"statuscake_ssl":        {instead: noCertificates},
		"status_cake_ssl":       {module: "statuscake_ssl"},
		"statuscake_pagespeed":  {instead: noPagespeed},
		"status_cake_pagespeed": {module: "statuscake_pagespeed"},
	}
}

// oldAPIEnded is the day on which StatusCake ended the API of the modules without a successor here.
const oldAPIEnded = "2022-09-30"

// route returns the entry of a name in plugin_routing.
func (e earlierName) route() string {
	if e.module == "" {
		return fmt.Sprintf("      tombstone:\n        removal_date: %q\n        warning_text: %q\n", oldAPIEnded, e.instead)
	}
	route := fmt.Sprintf("      redirect: %s.%s\n", collection, e.module)
	if _, none := earlierNames()[e.module]; none {
		return route
	}
	return route + fmt.Sprintf("      deprecation:\n        removal_version: 1.0.0\n        warning_text: %q\n",
		fmt.Sprintf("Write %s.%s.", collection, e.module))
}

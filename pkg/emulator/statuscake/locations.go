// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// location is a monitoring server. Several servers may stand in one region.
type location struct {
	Description string `json:"description"`
	IPv4        string `json:"ipv4,omitempty"`
	IPv6        string `json:"ipv6,omitempty"`
	Region      string `json:"region"`
	RegionCode  string `json:"region_code"`
	Status      string `json:"status"`
}

// regions returns the region codes with the names that the service shows. The real set changes; nothing may depend on it.
func regions() [][2]string {
	return [][2]string{
		{"amsterdam", "Netherlands / Amsterdam"}, {"bangalore", "India / Bangalore"}, {"chicago", "United States / Chicago"},
		{"dallas", "United States / Dallas"}, {"dublin", "Ireland / Dublin"}, {"frankfurt", "Germany / Frankfurt"},
		{"hong-kong", "Hong Kong / Hong Kong"}, {"johannesburg", "South Africa / Johannesburg"},
		{"london", "United Kingdom / London"}, {"los-angeles", "United States / Los Angeles"}, {"madrid", "Spain / Madrid"},
		{"manchester", "United Kingdom / Manchester"}, {"miami", "United States / Miami"}, {"milan", "Italy / Milan"},
		{"new-york", "United States / New York"}, {"oslo", "Norway / Oslo"}, {"paris", "France / Paris"},
		{"san-francisco", "United States / San Francisco"}, {"sao-paulo", "Brazil / Sao Paulo"},
		{"seattle", "United States / Seattle"}, {"singapore", "Singapore / Singapore"}, {"stockholm", "Sweden / Stockholm"},
		{"sydney", "Australia / Sydney"}, {"tokyo", "Japan / Tokyo"}, {"toronto", "Canada / Toronto"},
		{"warsaw", "Poland / Warsaw"}, {"zurich", "Switzerland / Zurich"},
	}
}

// RegionCodes returns the codes that the emulated service knows.
func RegionCodes() []string {
	var codes []string
	for _, region := range regions() {
		codes = append(codes, region[0])
	}
	return codes
}

// server describes one server of the region with that index; addresses are from the ranges for documentation.
func server(region, number int) location {
	code, name := regions()[region][0], regions()[region][1]
	host := 2*region + number
	return location{
		Description: name + " - " + strconv.Itoa(number),
		IPv4:        fmt.Sprintf("192.0.2.%d", host),
		IPv6:        fmt.Sprintf("2001:db8::%x", host),
		Region:      name,
		RegionCode:  code,
		Status:      "up",
	}
}

// serversOf returns the server that each of the regions lends to a test.
func serversOf(codes []string) []location {
	servers := []location{}
	for i, region := range regions() {
		for _, code := range codes {
			if code == region[0] {
				servers = append(servers, server(i, 1))
			}
		}
	}
	return servers
}

// listLocations answers GET /uptime-locations with two servers a region.
// https://developers.statuscake.com/api/#operation/list-uptime-monitoring-locations
func (a *account) listLocations(r *http.Request) emulator.Response {
	query, problems := parseQuery(r.URL.RawQuery, "region_code")
	if len(problems) > 0 {
		return invalid(problems)
	}
	servers := []location{}
	code, filtered := query["region_code"]
	for i, region := range regions() {
		if !filtered || code == region[0] {
			servers = append(servers, server(i, 1), server(i, 2))
		}
	}
	return emulator.JSON(http.StatusOK, map[string]any{"data": servers})
}

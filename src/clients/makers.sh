#!/usr/bin/env bash
# Writes makers.txt anew out of a list of the IEEE's registry: src/clients/makers.sh [OUI.TXT]
# Debian's package ieee-data has the list, as have the IEEE's own pages.
set -euo pipefail
list=${1:-/usr/share/ieee-data/oui.txt}
[ -r "$list" ] || { echo "makers.sh: there is no $list: apt-get install ieee-data" >&2; exit 1; }
cd "$(dirname "${BASH_SOURCE[0]}")"

# What is in homes: the name shown, and how its companies are called in the registry, in lower case.
makers='
Acer|^acer
Amazon|^amazon (tech|fulf|\.com)
Apple|^apple
Arcadyan|^arcadyan
Arlo|^arlo
Arris|^(arris|pace plc|2wire)
Askey|^askey
ASUS|^asustek
AVM|^avm (audio|gmbh)
AzureWave|^azurewave
Belkin|^belkin
BlackBerry|^(blackberry|rim$)
Bose|^bose
Brother|^brother ind
Buffalo|^buffalo
Canon|^canon
Nest|^nest labs
D-Link|^d-link
Dahua|^zhejiang dahua
Dell|^dell inc
Eero|^eero
Epson|^seiko epson
Espressif|^espressif
Ezviz|^hangzhou ezviz
Fairphone|^fairphone
Fiberhome|^(wuhan )?fiberhome
Fitbit|^fitbit
Foxconn|^(hon hai|cloud network technology|foxconn|chongqing fugui)
Freebox|^freebox
Fujitsu|^fujitsu (limited|technology|client)
Garmin|^garmin
Gigabyte|^giga-byte
Google|^google
GoPro|^gopro
Hikvision|^hangzhou hikvision
Hisense|hisense
Hitron|^hitron
HMD|^hmd global
Honor|^honor device
HP|^(hp inc|hewlett packard$|hewlett-packard)
HTC|^htc corp
Huawei|^huawei
Humax|^humax
Infinix|^infinix
Intel|^intel corp
Intelbras|^intelbras
itel|^itel mobile
Lenovo|^(lenovo|lcfc)
LG|^(lg electronics|lg innotek)
Linksys|^(cisco-linksys|the linksys|linksys)
Liteon|^(liteon|lite-on)
Logitech|^logitech
Meta|^(facebook|meta platforms|oculus)
Microsoft|^microsoft( corporation)?$
MSI|^micro-star
MikroTik|^(routerboard|mikrotik)
MitraStar|^mitrastar
Motorola|^motorola (mobility|\(wuhan\))
Murata|^murata
Netgear|^netgear
Nintendo|^nintendo
Nokia|^(nokia|nokia corporation|nokia danmark a/s|nokia shanghai bell.*|microsoft mobile oy)$
OnePlus|^oneplus
OPPO|oppo mobile
Panasonic|^panasonic
Pegatron|^pegatron
Philips|^(philips|signify|tpvision)
QNAP|^qnap
Raspberry Pi|^raspberry pi
realme|^realme
Realtek|^realtek
Ring|^ring llc
Roku|^roku
Sagemcom|^sagemcom
Samsung|^samsung (elec|electro)
Sercomm|^sercomm
Sharp|^sharp corp
Sky|^sky uk
Skyworth|skyworth
Sonos|^sonos
Sony|^sony (corp|inter|home|mobile|visual|com)
Synology|^synology
TCL|^(tcl|tct|shenzhen tcl|huizhou tcl)
Technicolor|^(technicolor|thomson (telecom|inc|multi))
Tecno|^tecno mobile
Tenda|^tenda
Toshiba|^toshiba
TP-Link|^(tp-link|tplink)
Tuya|^tuya
Ubee|^ubee
Ubiquiti|^ubiquiti
Valve|^valve
Vestel|^vestel
vivo|^vivo mobile
Vizio|^vizio
Withings|^withings
Wyze|^wyze
Xerox|^xerox
Xiaomi|xiaomi
Yamaha|^yamaha
ZTE|^zte
Zyxel|^zyxel
'

{
  cat <<'HEAD'
# Who made a device, by the first three octets of its hardware address: makers that are in homes.
# Source: the IEEE's registry of MA-L assignments (https://standards-oui.ieee.org/oui/oui.txt), in the
# edition of Debian's package ieee-data. Which prefix is whose is a fact; nobody's text is here.
# Written by makers.sh: change that one.
HEAD
  awk -v makers="$makers" '
    BEGIN {
      count = split(makers, rows, "\n")
      for (row = 1; row <= count; row++) {
        if (split(rows[row], columns, "|") < 2) continue
        names[++known] = columns[1]
        patterns[known] = substr(rows[row], length(columns[1]) + 2)
      }
    }
    /\(base 16\)/ {
      prefix = $1
      sub(/^.*\(base 16\)[ \t]*/, "")
      sub(/[ \t\r]*$/, "")
      company = tolower($0)
      for (row = 1; row <= known; row++) {
        if (company ~ patterns[row] && !(prefix in seen)) {
          seen[prefix] = 1
          print row "\t" names[row] "\t" prefix
        }
      }
    }' "$list" |
    LC_ALL=C sort -t "$(printf '\t')" -k1,1n -k3,3 |
    awk -F '\t' '
      $2 != maker { if (line) print line; print $2; maker = $2; line = "" }
      length(line) > 90 { print line; line = "" }
      { line = line " " $3 }
      END { print line }'
} >makers.txt

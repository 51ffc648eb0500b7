//! Layers around packets: tags, tunnels and the link layers of all kinds of recorders.

pub fn kind(v6: bool) -> [u8; 2] {
    if v6 { [0x86, 0xdd] } else { [8, 0] }
}

pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub fn ethernet(kind: [u8; 2], inner: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 1], &[6, 0, 0, 0, 0, 2], &kind, inner])
}

/// An IPv4 packet around a payload.
pub fn ipv4(protocol: u8, inner: &[u8]) -> Vec<u8> {
    let total = (20 + inner.len()) as u16;
    let mut out = vec![0x45, 0];
    out.extend(total.to_be_bytes());
    out.extend([
        0, 9, 0, 0, 64, protocol, 0, 0, 192, 168, 0, 1, 192, 168, 0, 2,
    ]);
    out.extend(inner);
    out
}

pub fn ipv6(protocol: u8, inner: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend((inner.len() as u16).to_be_bytes());
    out.extend([protocol, 64]);
    out.extend([0xfd; 32]);
    out.extend(inner);
    out
}

pub fn udp(port: u16, inner: &[u8]) -> Vec<u8> {
    let mut out = 50_000_u16.to_be_bytes().to_vec();
    out.extend(port.to_be_bytes());
    out.extend(((8 + inner.len()) as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend(inner);
    out
}

pub fn vxlan(flags: u8, frame: &[u8]) -> Vec<u8> {
    join(&[&[flags, 0, 0, 0, 0, 0, 42, 0], frame])
}

pub type Wrap = Box<dyn Fn(&[u8], bool) -> Vec<u8>>;

/// Everything that may be around an IP packet, as IPv4 or IPv6 payload; protocol and bytes.
pub fn tunnels() -> Vec<(&'static str, u8, Wrap)> {
    let eth = |ip: &[u8], v6: bool| ethernet(kind(v6), ip);
    vec![
        (
            "vxlan",
            17,
            Box::new(move |ip, v6| udp(4789, &vxlan(8, &eth(ip, v6)))),
        ),
        (
            "vxlan of flannel",
            17,
            Box::new(move |ip, v6| udp(8472, &vxlan(8, &eth(ip, v6)))),
        ),
        (
            "vxlan with a group",
            17,
            Box::new(move |ip, v6| udp(4789, &vxlan(0x88, &eth(ip, v6)))),
        ),
        (
            "vxlan elsewhere",
            17,
            Box::new(move |ip, v6| udp(31_000, &vxlan(8, &eth(ip, v6)))),
        ),
        (
            "vxlan-gpe",
            17,
            Box::new(|ip, v6| {
                let next = if v6 { 2 } else { 1 };
                udp(4790, &join(&[&[0x0c, 0, 0, next, 0, 0, 1, 0], ip]))
            }),
        ),
        (
            "geneve",
            17,
            Box::new(move |ip, v6| {
                udp(
                    6081,
                    &join(&[&[2, 0, 0x65, 0x58, 0, 0, 1, 0], &[9; 8], &eth(ip, v6)]),
                )
            }),
        ),
        (
            "geneve of ip",
            17,
            Box::new(|ip, v6| udp(6081, &join(&[&[0, 0], &kind(v6), &[0, 0, 1, 0], ip]))),
        ),
        (
            "geneve elsewhere",
            17,
            Box::new(move |ip, v6| {
                udp(
                    31_000,
                    &join(&[&[1, 0, 0x65, 0x58, 0, 0, 1, 0], &[9; 4], &eth(ip, v6)]),
                )
            }),
        ),
        (
            "mpls in udp",
            17,
            Box::new(|ip, _| udp(6635, &join(&[&[0, 0, 0x11, 64], ip]))),
        ),
        (
            "gre in udp",
            17,
            Box::new(|ip, v6| udp(4754, &join(&[&[0, 0], &kind(v6), ip]))),
        ),
        (
            "gue",
            17,
            Box::new(|ip, v6| udp(6080, &join(&[&[0, if v6 { 41 } else { 4 }, 0, 0], ip]))),
        ),
        (
            "gtp-u",
            17,
            Box::new(|ip, _| udp(2152, &join(&[&[0x30, 0xff, 0, 0, 0, 0, 0, 1], ip]))),
        ),
        (
            "gtp-u with an extension",
            17,
            Box::new(|ip, _| {
                let head = [0x34, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0];
                udp(2152, &join(&[&head, ip]))
            }),
        ),
        (
            "tzsp",
            17,
            Box::new(move |ip, v6| {
                udp(
                    37008,
                    &join(&[&[1, 0, 0, 1, 0, 10, 1, 0xaa, 1], &eth(ip, v6)]),
                )
            }),
        ),
        (
            "l2tp",
            17,
            Box::new(|ip, v6| {
                let ppp = if v6 {
                    [0xff, 3, 0, 0x57]
                } else {
                    [0xff, 3, 0, 0x21]
                };
                udp(1701, &join(&[&[0x40, 2, 0, 0, 0, 1, 0, 1], &ppp, ip]))
            }),
        ),
        (
            "gre",
            47,
            Box::new(|ip, v6| join(&[&[0, 0], &kind(v6), ip])),
        ),
        (
            "gre with all fields",
            47,
            Box::new(|ip, v6| join(&[&[0xb0, 0], &kind(v6), &[7; 12], ip])),
        ),
        (
            "nvgre",
            47,
            Box::new(move |ip, v6| join(&[&[0x20, 0, 0x65, 0x58, 0, 0, 9, 1], &eth(ip, v6)])),
        ),
        (
            "pptp",
            47,
            Box::new(|ip, v6| {
                let ppp = if v6 { [0, 0x57] } else { [0, 0x21] };
                join(&[&[0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 1], &[0; 8], &ppp, ip])
            }),
        ),
        (
            "erspan 1",
            47,
            Box::new(move |ip, v6| join(&[&[0, 0, 0x88, 0xbe], &eth(ip, v6)])),
        ),
        (
            "erspan 2",
            47,
            Box::new(move |ip, v6| {
                let head = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 7, 0, 3, 0, 0, 0, 9];
                join(&[&head, &eth(ip, v6)])
            }),
        ),
        (
            "erspan 3",
            47,
            Box::new(move |ip, v6| {
                let head = [
                    0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 7, 0, 3, 1, 2, 3, 4, 0, 0, 0, 0,
                ];
                join(&[&head, &eth(ip, v6)])
            }),
        ),
        (
            "erspan 3 with a subheader",
            47,
            Box::new(move |ip, v6| {
                let head = [
                    0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 7, 0, 3, 1, 2, 3, 4, 0, 0, 0, 1,
                ];
                join(&[&head, &[5; 8], &eth(ip, v6)])
            }),
        ),
        (
            "mpls in gre",
            47,
            Box::new(|ip, _| join(&[&[0, 0, 0x88, 0x47, 0, 0, 0x10, 64, 0, 0, 0x21, 64], ip])),
        ),
        (
            "etherip",
            97,
            Box::new(move |ip, v6| join(&[&[0x30, 0], &eth(ip, v6)])),
        ),
        (
            "mpls in ip",
            137,
            Box::new(|ip, _| join(&[&[0, 0, 0x11, 64], ip])),
        ),
        ("ethernet in ip", 143, Box::new(move |ip, v6| eth(ip, v6))),
        ("4in and 6in", 0, Box::new(|ip, _| ip.to_vec())),
    ]
}

/// What may be between an Ethernet header and an IP packet: an ethertype and bytes.
pub fn tags() -> Vec<(&'static str, Wrap)> {
    let tag = |outer: [u8; 2]| -> Wrap {
        Box::new(move |ip, v6| ethernet(outer, &join(&[&[0, 5], &kind(v6), ip])))
    };
    vec![
        ("802.1Q", tag([0x81, 0])),
        ("802.1ad", tag([0x88, 0xa8])),
        ("0x9100", tag([0x91, 0])),
        ("0x9200", tag([0x92, 0])),
        (
            "four tags",
            Box::new(|ip, v6| {
                let tags = [0, 1, 0x91, 0, 0, 2, 0x81, 0, 0, 3, 0x81, 0, 0, 4];
                ethernet([0x92, 0], &join(&[&tags, &kind(v6), ip]))
            }),
        ),
        (
            "802.1ah",
            Box::new(|ip, v6| {
                ethernet(
                    [0x88, 0xe7],
                    &join(&[&[0, 0, 0, 7], &ethernet(kind(v6), ip)]),
                )
            }),
        ),
        (
            "mpls",
            Box::new(|ip, _| ethernet([0x88, 0x47], &join(&[&[0, 1, 0, 64, 0, 2, 1, 64], ip]))),
        ),
        (
            "an ethernet pseudowire",
            Box::new(|ip, v6| {
                ethernet(
                    [0x88, 0x47],
                    &join(&[&[0, 2, 1, 64], &ethernet(kind(v6), ip)]),
                )
            }),
        ),
        (
            "a pseudowire with a control word",
            Box::new(|ip, v6| {
                ethernet(
                    [0x88, 0x47],
                    &join(&[&[0, 2, 1, 64, 0, 0, 0, 9], &ethernet(kind(v6), ip)]),
                )
            }),
        ),
        (
            "pppoe",
            Box::new(|ip, v6| {
                let ppp = if v6 { [0, 0x57] } else { [0, 0x21] };
                let length = ((ip.len() + 2) as u16).to_be_bytes();
                ethernet([0x88, 0x64], &join(&[&[0x11, 0, 0, 9], &length, &ppp, ip]))
            }),
        ),
        (
            "snap",
            Box::new(|ip, v6| {
                let length = ((ip.len() + 8) as u16).min(1500).to_be_bytes();
                ethernet(length, &join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &kind(v6), ip]))
            }),
        ),
        (
            "nsh",
            Box::new(|ip, v6| {
                let head = [0x0f, 0xc2, 1, 3, 0, 0, 1, 0xff];
                ethernet([0x89, 0x4f], &join(&[&head, &ethernet(kind(v6), ip)]))
            }),
        ),
    ]
}

/// Link types, and the bytes before an IP packet.
pub fn links() -> Vec<(&'static str, u32, Wrap)> {
    let before = |head: &'static [u8]| -> Wrap { Box::new(move |ip, _| join(&[head, ip])) };
    let ppp = |head: &'static [u8]| -> Wrap {
        Box::new(move |ip, v6| join(&[head, &[0, if v6 { 0x57 } else { 0x21 }], ip]))
    };
    vec![
        ("ppp", 9, ppp(&[])),
        ("ppp with address and control", 9, ppp(&[0xff, 3])),
        (
            "ppp with a short protocol",
            9,
            Box::new(|ip, v6| join(&[&[if v6 { 0x57 } else { 0x21 }], ip])),
        ),
        ("ppp in hdlc", 50, ppp(&[0xff, 3])),
        ("pppd", 166, ppp(&[1, 3])),
        ("ppp with direction", 204, ppp(&[1, 0xff, 3])),
        (
            "cisco hdlc",
            104,
            Box::new(|ip, v6| join(&[&[0x0f, 0], &kind(v6), ip])),
        ),
        ("enc", 109, before(&[2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])),
        ("pflog", 117, before(&[61; 64])),
        (
            "ppi",
            192,
            Box::new(|ip, v6| join(&[&[0, 0, 8, 0, 1, 0, 0, 0], &ethernet(kind(v6), ip)])),
        ),
        ("mpls", 219, before(&[0, 2, 1, 64])),
        ("raw 12", 12, before(&[])),
        ("raw 14", 14, before(&[])),
        (
            "nflog",
            239,
            Box::new(|ip, _| {
                let length = ((ip.len() + 4) as u16).to_le_bytes();
                join(&[
                    &[2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 1, 0, 5, 0, 10, 0, 65, 0, 0, 0],
                    &length,
                    &[9, 0],
                    ip,
                ])
            }),
        ),
        (
            "big-endian nflog",
            239,
            Box::new(|ip, _| {
                let length = ((ip.len() + 4) as u16).to_be_bytes();
                join(&[&[2, 0, 0, 5, 0, 8, 0, 1, 8, 0, 1, 0], &length, &[0, 9], ip])
            }),
        ),
        (
            "pktap",
            258,
            Box::new(|ip, v6| {
                let mut head = vec![108, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];
                head.resize(108, 7);
                join(&[&head, &ethernet(kind(v6), ip)])
            }),
        ),
        (
            "pktap as it was",
            149,
            Box::new(|ip, _| {
                let mut head = vec![108, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0, 0];
                head.resize(108, 7);
                join(&[&head, ip])
            }),
        ),
        (
            "exported from layer 3",
            252,
            Box::new(|ip, v6| {
                let name: &[u8] = if v6 { b"ipv6" } else { b"ip\0\0" };
                join(&[&[0, 12, 0, 4], name, &[0, 0, 0, 0], ip])
            }),
        ),
    ]
}

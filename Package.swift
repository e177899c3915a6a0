// swift-tools-version:6.2
// The picture of the arrows: leo -> Proxy -> { Policy, Cache } -> Wire. C stays at the edges; Wire and Cache see none.
import PackageDescription

let strict: [SwiftSetting] =
    [
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableExperimentalFeature("Lifetimes"),
        .strictMemorySafety(),
        // Debug builds, and with them every test and sanitizer, check exclusive access at run time; a release that passed
        // them spares the 5 % of instructions that the checks cost.
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    ] + (Context.environment["LEO_TSAN"] == nil ? [] : [.define("LEO_TSAN")])
    + (Context.environment["LEO_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)])

let package = Package(
    name: "leo",
    products: [.executable(name: "leo", targets: ["leo"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .systemLibrary(
            name: "COpenSSL", path: "Sources/C/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CNGHTTP2", path: "Sources/C/CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]
        ),
        // hiredis' pkg-config flags are refused by the package manager; its module map links instead.
        .systemLibrary(name: "CHiredis", path: "Sources/C/CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/C/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CBrotli", path: "Sources/C/CBrotli", pkgConfig: "libbrotlienc libbrotlidec",
            providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(
            name: "CZstd", path: "Sources/C/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CLinux", path: "Sources/C/CLinux"),
        .target(
            name: "CTOML", path: "Sources/C/CTOML",
            cxxSettings: [.define("TOML_EXCEPTIONS", to: "0"), .define("TOML_HEADER_ONLY", to: "1")]),

        .target(name: "Wire", swiftSettings: strict),
        .target(name: "Policy", dependencies: ["Wire", "CTOML"], swiftSettings: strict),
        .target(name: "Cache", dependencies: ["Wire"], swiftSettings: strict),
        .target(
            name: "Proxy",
            dependencies: [
                "Policy", "Cache", "Wire", "COpenSSL", "CNGHTTP2", "CHiredis", "CLinux", "CZlib", "CBrotli", "CZstd",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "leo",
            dependencies: ["Proxy", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),

        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: strict),
        .testTarget(name: "PolicyTests", dependencies: ["Policy"], swiftSettings: strict),
        // Tests and CheckCacheKeys share it.
        .target(
            name: "CacheKeyPairs", dependencies: ["Cache", "Wire"], path: "Tests/Support/CacheKeyPairs",
            swiftSettings: strict),
        .testTarget(name: "CacheTests", dependencies: ["Cache", "CacheKeyPairs", "Wire"], swiftSettings: strict),
        .testTarget(name: "ProxyTests", dependencies: ["Proxy"], swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx20
)

// One executable per parser, built only on request: libFuzzer supplies main. See Tests/Fuzz/README.md.
if Context.environment["LEO_FUZZ"] != nil {
    for name in [
        "FuzzHTTP1", "FuzzHTTP2", "FuzzConfig", "FuzzWebSocket", "FuzzEncoding", "FuzzProxyProtocol", "FuzzEventStream",
        "FuzzSockDiag",
        "FuzzRequest",
        "FuzzAnswer",
        "FuzzForms",
        "FuzzJSON",
        "FuzzEntry",
        "FuzzCacheKey",
    ] {
        package.targets.append(
            .executableTarget(
                name: name, dependencies: ["Wire", "Policy", "Cache", "Proxy"], path: "Tests/Fuzz/\(name)",
                swiftSettings: strict))
    }
}

// Sources/Wire and Sources/Cache alone, for Benchmarks/json and Benchmarks/tokens; OpenSSL makes the digest of a key.
if Context.environment["LEO_MEASURE"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Measure", dependencies: ["Cache", "COpenSSL", "Wire"], path: "Benchmarks/support/measure",
            swiftSettings: strict))
}

// What entries of the memory cache cost, built by Benchmarks/cache-memory alone.
if Context.environment["LEO_MEASURE_CACHE"] != nil {
    package.targets.append(
        .executableTarget(
            name: "MeasureCache", dependencies: ["Wire", "Cache"], path: "Benchmarks/support/measure_cache",
            swiftSettings: strict))
}

// What a tenant's limits cost, built by Benchmarks/limits alone.
if Context.environment["LEO_MEASURE_LIMITS"] != nil {
    package.targets.append(
        .executableTarget(
            name: "MeasureLimits", dependencies: ["Policy"], path: "Benchmarks/support/measure_limits",
            swiftSettings: strict))
}

// A million pairs of requests and their keys, built for release: the unit tests look at a tenth of them.
if Context.environment["LEO_CHECK_KEYS"] != nil {
    package.targets.append(
        .executableTarget(
            name: "CheckCacheKeys", dependencies: ["CacheKeyPairs"], path: "Tests/Support/CheckCacheKeys",
            swiftSettings: strict))
}

//! Links the addon so that Node.js resolves the N-API symbols when it loads it.

fn main() {
    napi_build::setup();
}

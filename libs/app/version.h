#pragma once

namespace cleanmail::app {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace cleanmail::app

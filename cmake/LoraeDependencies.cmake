# Every outside library, each behind one target, each used by one or two folders.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")  # the heavy loops are in libraries; -O3 only builds slower
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The precompiled header and __TIME__ would otherwise never hit.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq cppzmq)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
find_package(SQLiteCpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(pugixml REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.74 REQUIRED)  # headers: Asio

# glibc's malloc scatters what a training step keeps among what it frees: a third more memory.
find_library(LORAE_TCMALLOC NAMES tcmalloc_minimal libtcmalloc_minimal.so.4)
mark_as_advanced(LORAE_TCMALLOC)
if(NOT LORAE_TCMALLOC)
  message(STATUS "no tcmalloc_minimal: training takes more memory with the C library's malloc")
endif()

if(LORAE_CUDA)
  set(CMAKE_CUDA_ARCHITECTURES "${LORAE_CUDA_ARCHITECTURES}")
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know CUDA's C++20
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
  set(CMAKE_CUDA_STANDARD 20)
endif()

if(LORAE_TORCH)
  # One recipe for Debian's CPU LibTorch and for any LibTorch 2.x named by CMAKE_PREFIX_PATH.
  if(NOT DEFINED TORCH_CUDA_ARCH_LIST AND NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
    set(TORCH_CUDA_ARCH_LIST 9.0)  # else Torch probes for a GPU and fails without one
  endif()
  set(saved_archs "${CMAKE_CUDA_ARCHITECTURES}")
  set(saved_flags "${CMAKE_CUDA_FLAGS}")
  unset(CMAKE_CUDA_ARCHITECTURES)
  find_package(Torch REQUIRED)  # overwrites both
  if(LORAE_CUDA)
    set(CMAKE_CUDA_ARCHITECTURES "${saved_archs}")
    set(CMAKE_CUDA_FLAGS "${saved_flags}")
  endif()
  if(EXISTS "${TORCH_INSTALL_PREFIX}/lib/libc10.so" AND
     NOT "${TORCH_INSTALL_PREFIX}/lib/libc10.so" IN_LIST TORCH_LIBRARIES)
    message(FATAL_ERROR "two LibTorch installations are mixed")
  endif()
  find_path(LORAE_FMT_HEADERS fmt/format.h NO_CMAKE_PATH)
  mark_as_advanced(LORAE_FMT_HEADERS)
  if(EXISTS "${TORCH_INSTALL_PREFIX}/include/fmt" AND
     NOT "${TORCH_INSTALL_PREFIX}/include" STREQUAL "${LORAE_FMT_HEADERS}")
    # A LibTorch from PyPI has headers of a fmt without its library: whoever links ours sees ours first.
    set(first_headers "${PROJECT_BINARY_DIR}/first_headers")
    file(MAKE_DIRECTORY "${first_headers}")
    file(CREATE_LINK "${LORAE_FMT_HEADERS}/fmt" "${first_headers}/fmt" SYMBOLIC)
    set_target_properties(fmt::fmt PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${first_headers}" IMPORTED_NO_SYSTEM ON)
  endif()
  include(LoraeTorchRpath)
  if(TARGET torch_cuda)
    set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
  else()
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  endif()
  include(LoraeOpenCV)
  pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libturbojpeg)
endif()

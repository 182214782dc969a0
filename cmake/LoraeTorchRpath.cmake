# A LibTorch from PyPI or a zip file: programs find it, and the NVIDIA libraries beside it, where they
# lie now. The linker needs the same to resolve what LibTorch's CUDA libraries ask for.
if(EXISTS "${TORCH_INSTALL_PREFIX}/lib/libc10.so")
  file(GLOB nvidia_libs "${TORCH_INSTALL_PREFIX}/../nvidia/*/lib")
  list(PREPEND CMAKE_BUILD_RPATH "${TORCH_INSTALL_PREFIX}/lib" ${nvidia_libs})
endif()

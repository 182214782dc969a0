# The three OpenCV modules that data/ uses. Debian ships OpenCV's own CMake package only with
# libopencv-dev, which pulls in a desktop's worth of libraries; the module packages suffice.
find_path(LORAE_OPENCV_INCLUDE_DIR opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(module core imgproc imgcodecs)
  if(NOT TARGET opencv_${module})
    find_library(LORAE_OPENCV_${module} opencv_${module} REQUIRED)
    add_library(opencv_${module} UNKNOWN IMPORTED)
    set_target_properties(opencv_${module} PROPERTIES
      IMPORTED_LOCATION "${LORAE_OPENCV_${module}}"
      INTERFACE_INCLUDE_DIRECTORIES "${LORAE_OPENCV_INCLUDE_DIR}"
      IMPORTED_GLOBAL TRUE)
  endif()
endforeach()

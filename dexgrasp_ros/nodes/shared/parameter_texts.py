"""What parameters that several nodes have are about; each says it in the same words."""

AUTOSTART = 'configure and activate without being told to'
HAND = 'name of a hand in urdf/, or path of a URDF file, where no robot_description is given'
OWN_HAND = 'name of a hand in urdf/, or path of a URDF file'
HAND_ROOT = (
    "link of the robot description (or of hand's file) below which the hand is; empty: all of it"
    ' is the hand'
)
DESCRIPTION = 'URDF of the robot; what comes on the topic robot_description counts more'
OVERRIDES = 'YAML that says what the description does not; empty: found by name'
MESH_FOLDER = 'where relative mesh files of robot_description are'
ASSUME_RECTIFIED = 'take images for rectified whatever camera_info says about the lens'
ASSUME_ALIGNED = 'take images for those of one camera whatever frames they name'
TRANSPORT = (
    'form of the images; auto: raw where it is published, else compressed; compressedDepth: depth,'
    ' others compressed'
)
